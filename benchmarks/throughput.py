#!/usr/bin/env python3
"""Measures servers that speak OpenAI's API: tokens a second with 1, 4 and 16 clients, and the time to the first token with
and without a system prompt that was seen before.

    benchmarks/throughput.py gambit=http://127.0.0.1:8080 llama.cpp=http://127.0.0.1:8081
                             [--clients 1,4,16] [--tokens 64] [--rounds 2] [--prompt-words 750]

Start the servers with the same file, the same threads and at least 16 slots, for instance
    ./gambit serve -m model.gguf -np 16 -c 32768 -t 2 --port 8080
    llama-server   -m model.gguf -np 16 -c 32768 -t 2 --port 8081      (both divide -c among the slots)
They are measured in turn, round by round, so that what disturbs the machine disturbs all of them; a server that waits costs
nothing. Each request generates exactly --tokens tokens (ignore_eos) greedily. Needs nothing but Python's own library.
"""
import argparse
import http.client
import json
import random
import statistics
import threading
import time
import urllib.parse

WORDS = "the old dog and a small cat went to see their friend in a big house near the river where it was cold".split()


def ask(url, messages, tokens):
    """Streams one answer; returns seconds to the first piece of text, seconds to the end, tokens, prompt tokens."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=600)
    body = {"messages": messages, "max_tokens": tokens, "temperature": 0, "stream": True, "ignore_eos": True,
            "stream_options": {"include_usage": True}}
    start = time.monotonic()
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    if response.status != 200:
        raise SystemExit(f"{url}: status {response.status}: {response.read()[:300]}")
    first, usage = None, None
    for line in response:
        if not line.startswith(b"data: {"):
            continue
        event = json.loads(line[6:])
        if event.get("usage"):
            usage = event["usage"]
        if first is None and event.get("choices") and event["choices"][0]["delta"].get("content"):
            first = time.monotonic() - start
    connection.close()
    return first, time.monotonic() - start, usage["completion_tokens"], usage["prompt_tokens"]


def text(rng, words):
    return " ".join(rng.choice(WORDS) for _ in range(words))


def throughput(url, clients, tokens, rng):
    """Tokens a second of all clients together, each with its own short question."""
    questions = [[{"role": "user", "content": text(rng, 12)}] for _ in range(clients)]
    done = []

    def client(messages):
        done.append(ask(url, messages, tokens)[2])
    threads = [threading.Thread(target=client, args=(q,)) for q in questions]
    start = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if len(done) != clients:
        raise SystemExit(f"{url}: {clients - len(done)} of {clients} clients failed")
    return sum(done) / (time.monotonic() - start)


def first_token(url, words, rng):
    """Seconds to the first token with a new system prompt, then with the same one and another question."""
    system = {"role": "system", "content": text(rng, words)}
    new, _, _, n = ask(url, [system, {"role": "user", "content": text(rng, 12)}], 4)
    seen = [ask(url, [system, {"role": "user", "content": text(rng, 12)}], 4)[0] for _ in range(3)]
    return new, statistics.median(seen), n


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("servers", nargs="+", metavar="NAME=URL")
    parser.add_argument("--clients", default="1,4,16")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--prompt-words", type=int, default=750)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    servers = dict(s.split("=", 1) for s in options.servers)
    counts = [int(c) for c in options.clients.split(",")]
    rng = random.Random(options.seed)
    rates = {(name, c): [] for name in servers for c in counts}
    firsts = {name: [] for name in servers}
    for url in servers.values():  # a JVM compiles, a file is read
        throughput(url, 2, options.tokens, rng)
        first_token(url, options.prompt_words, rng)
    for _ in range(options.rounds):
        for count in counts:
            for name, url in servers.items():
                rates[name, count].append(throughput(url, count, options.tokens, rng))
        for name, url in servers.items():
            firsts[name].append(first_token(url, options.prompt_words, rng))
    print("| server | " + " | ".join(f"{c} client{'s' * (c > 1)}, tokens/s" for c in counts)
          + " | first token, new system prompt | seen before |")
    print("|---|" + "---:|" * (len(counts) + 2))
    for name in servers:
        best = [max(rates[name, c]) for c in counts]
        cells = [f"{b:.1f} ({b / best[0]:.2f})" for b in best]
        new, seen = (min(f[i] for f in firsts[name]) for i in (0, 1))
        print(f"| {name} | " + " | ".join(cells) + f" | {new * 1e3:.0f} ms | {seen * 1e3:.0f} ms |")
    print(f"\nThe best of {options.rounds} rounds; in parentheses against one client. "
          f"The system prompt made prompts of {firsts[next(iter(servers))][0][2]} tokens.")


if __name__ == "__main__":
    main()
