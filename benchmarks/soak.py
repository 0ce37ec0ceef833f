#!/usr/bin/env python3
"""Loads a Gambit server for a while with clients that behave like clients do, and reports what became of them.

    benchmarks/soak.py --url http://127.0.0.1:8080 [--seconds 60] [--clients 16] [--pid PID] [--api-key KEY]
                       [--prompt-words 200] [--max-tokens 48] [--seed 1] [--json FILE]

Each client sends requests one after the other. Most read their answer; some ask for it in one piece; some read slowly;
some go away in the middle of a stream, some before the first token, some in the middle of sending; a few send rubbish. Two
thirds share a long system prompt. Every answer that is read to its end is checked: its status, that a stream ends with
[DONE], that the same question with the same seed has the same answer as before.

With --pid the process's resident memory is sampled (Linux). Exits with 1 where an error came that was not intended, where
the memory in the second half grew by more than --rss-growth percent, or where the 99th percentile of the time to the first
token is more than --p99-ratio times the median (0: not judged). Needs nothing but Python's own library.
"""
import argparse
import collections
import http.client
import json
import random
import socket
import statistics
import sys
import threading
import time
import urllib.parse

KINDS = collections.OrderedDict(stream=40, whole=15, slow=10, leave=15, leave_early=8, half_sent=5, rubbish=4, repeat=3)
WORDS = "the old dog and a small cat went to see their friend in a big house near the river where it was cold".split()


class Report:
    def __init__(self):
        self.lock = threading.Lock()
        self.first_tokens = []
        self.counts = collections.Counter()
        self.errors = []
        self.tokens = 0
        self.rss = []
        self.answers = {}

    def error(self, what):
        with self.lock:
            self.errors.append((round(time.monotonic() - START, 1), what))

    def count(self, kind):
        with self.lock:
            self.counts[kind] += 1


class Client(threading.Thread):
    def __init__(self, number, options, report, end):
        super().__init__(daemon=True)
        self.random = random.Random(options.seed * 1000 + number)
        self.options = options
        self.report = report
        self.end = end
        url = urllib.parse.urlsplit(options.url)
        self.address = (url.hostname, url.port or 80)
        self.connection = None

    def run(self):
        while time.monotonic() < self.end:
            kind = self.random.choices(list(KINDS), KINDS.values())[0]
            try:
                getattr(self, kind)()
                self.report.count(kind)
            except Exception as e:  # whatever it is, it is what the soak is there to find
                self.report.error(f"{kind}: {type(e).__name__}: {e}")
                self.drop()
            if self.random.random() < 0.3:
                time.sleep(self.random.random() * 0.2)

    # --- what is asked

    def question(self, stream):
        words = [self.random.choice(WORDS) for _ in range(self.random.randint(2, 20))]
        messages = [{"role": "user", "content": "Tell me about " + " ".join(words)}]
        if self.random.random() < 0.67:
            messages.insert(0, {"role": "system", "content": self.options.system})
        return {"messages": messages, "max_tokens": self.random.randint(1, self.options.max_tokens),
                "seed": self.random.randrange(1 << 30), "stream": stream}

    def headers(self):
        headers = {"Content-Type": "application/json"}
        if self.options.api_key:
            headers["Authorization"] = "Bearer " + self.options.api_key
        return headers

    def drop(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def send(self, body):
        if self.connection is None:
            self.connection = http.client.HTTPConnection(*self.address, timeout=self.options.patience)
        start = time.monotonic()
        try:
            self.connection.request("POST", "/v1/chat/completions", json.dumps(body), self.headers())
            response = self.connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            # a kept connection may have been closed meanwhile, as HTTP allows; a new one must do
            self.drop()
            self.connection = http.client.HTTPConnection(*self.address, timeout=self.options.patience)
            self.connection.request("POST", "/v1/chat/completions", json.dumps(body), self.headers())
            response = self.connection.getresponse()
        return start, response

    # --- how it behaves

    def stream(self, pause=0.0, body=None):
        body = body or self.question(True)
        start, response = self.send(body)
        if response.status == 429:
            response.read()
            self.report.count("answered 429")
            return None
        if response.status != 200:
            raise AssertionError(f"status {response.status}: {response.read()[:200]}")
        text, done, tokens = "", False, 0
        for line in response:
            line = line.strip()
            if not line:
                continue
            if not line.startswith(b"data: "):
                raise AssertionError(f"no event: {line[:100]}")
            data = line[6:]
            if data == b"[DONE]":
                done = True
                continue
            event = json.loads(data)
            if "error" in event:
                raise AssertionError(f"error in the stream: {event['error']}")
            more = event["choices"][0]["delta"].get("content") if event["choices"] else None
            if more:
                if not tokens and not pause:
                    with self.report.lock:
                        self.report.first_tokens.append((start - START, time.monotonic() - start))
                tokens += 1
                text += more
            if pause:
                time.sleep(pause)
        if not done:
            raise AssertionError("the stream ended without [DONE]")
        with self.report.lock:
            self.report.tokens += tokens
        return text

    def slow(self):
        self.stream(pause=self.random.random() * 0.2)

    def repeat(self):
        """Asks what everybody asks: the answer is always the same."""
        number = self.random.randrange(4)
        body = {"messages": [{"role": "system", "content": self.options.system},
                             {"role": "user", "content": f"Tell me about the number {number}"}],
                "max_tokens": self.options.max_tokens, "seed": number, "temperature": 1.0, "stream": True}
        text = self.stream(body=body)
        if text is None:
            return
        with self.report.lock:
            before = self.report.answers.setdefault(number, text)
        if text != before:
            raise AssertionError(f"same question, same seed, another answer: {text!r}, before {before!r}")

    def whole(self):
        _, response = self.send(self.question(False))
        data = response.read()
        if response.status == 429:
            self.report.count("answered 429")
            return
        if response.status != 200:
            raise AssertionError(f"status {response.status}: {data[:200]}")
        answer = json.loads(data)
        with self.report.lock:
            self.report.tokens += answer["usage"]["completion_tokens"]

    def leave(self):
        body = self.question(True)
        body["max_tokens"] = 4 * self.options.max_tokens
        _, response = self.send(body)
        for _ in range(self.random.randint(1, 12)):
            response.readline()
        self.drop()

    def leave_early(self):
        self.drop()
        data = json.dumps(self.question(self.random.random() < 0.5)).encode()
        with socket.create_connection(self.address, self.options.patience) as s:
            s.sendall(self.head(len(data)) + data)
            time.sleep(self.random.random() * 0.3)

    def half_sent(self):
        data = json.dumps(self.question(True)).encode()
        with socket.create_connection(self.address, self.options.patience) as s:
            s.sendall((self.head(len(data)) + data)[:self.random.randrange(1, len(data))])
            time.sleep(self.random.random() * 0.3)

    def rubbish(self):
        data = bytes(self.random.randrange(256) for _ in range(200))
        with socket.create_connection(self.address, self.options.patience) as s:
            s.sendall(self.head(len(data)) + data)
            answer = s.recv(64)
        if not answer.startswith(b"HTTP/1.1 400"):
            raise AssertionError(f"expected 400, found {answer!r}")

    def head(self, length):
        lines = ["POST /v1/chat/completions HTTP/1.1", "Host: " + self.address[0], f"Content-Length: {length}"]
        lines += [f"{k}: {v}" for k, v in self.headers().items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


def resident(pid):
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    raise OSError("no VmRSS")


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(p * len(values)))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--pid", type=int)
    parser.add_argument("--api-key")
    parser.add_argument("--prompt-words", type=int, default=200)
    parser.add_argument("--max-tokens", type=int, default=48)
    parser.add_argument("--patience", type=float, default=300, help="seconds after which no answer is an error")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rss-growth", type=float, default=5)
    parser.add_argument("--p99-ratio", type=float, default=3)
    parser.add_argument("--json", help="write the figures to this file, too")
    options = parser.parse_args()
    words = random.Random(options.seed)
    options.system = "You tell stories. " + " ".join(words.choice(WORDS) for _ in range(options.prompt_words))

    report = Report()
    end = START + options.seconds
    clients = [Client(i, options, report, end) for i in range(options.clients)]
    for client in clients:
        client.start()
    while time.monotonic() < end:
        if options.pid:
            try:
                report.rss.append((time.monotonic() - START, resident(options.pid)))
            except OSError as e:
                report.error(f"the server's process is gone: {e}")
                break
        time.sleep(min(1.0, max(0.0, end - time.monotonic())))
    for client in clients:
        client.join(options.patience)
        if client.is_alive():
            report.error("a client never got its answer")
    sys.exit(judge(options, report))


def judge(options, report):
    elapsed = time.monotonic() - START
    print(f"{elapsed:.0f} s, {options.clients} clients: {sum(report.counts.values())} requests, "
          f"{report.tokens} tokens read, {report.tokens / elapsed:.1f} a second")
    print("  " + ", ".join(f"{kind} {n}" for kind, n in sorted(report.counts.items())))
    bad = False
    figures = {"seconds": elapsed, "clients": options.clients, "requests": dict(report.counts), "tokens": report.tokens,
               "errors": report.errors}
    # the start, while a fresh JVM compiles, is another load
    times = [t for at, t in report.first_tokens if at > min(30, elapsed / 4)]
    if len(times) >= 20:
        median, p99 = statistics.median(times), percentile(times, 0.99)
        figures.update(first_token_median=median, first_token_p99=p99)
        judged = options.p99_ratio > 0 and p99 > options.p99_ratio * median
        bad |= judged
        print(f"time to first token: median {median * 1e3:.0f} ms, p99 {p99 * 1e3:.0f} ms, ratio {p99 / median:.2f}, "
              f"{len(times)} streams{' - TOO MUCH' if judged else ''}")
    if len(report.rss) >= 8:
        half = [mib for at, mib in report.rss if at > elapsed / 2]
        third = max(1, len(half) // 3)
        before, after = statistics.median(half[:third]), statistics.median(half[-third:])
        growth = 100 * (after / before - 1)
        figures.update(rss=report.rss, rss_growth_percent=growth)
        judged = growth > options.rss_growth
        bad |= judged
        step = max(1, len(report.rss) // 12)
        print("resident MiB: " + " ".join(f"{mib:.0f}" for _, mib in report.rss[::step])
              + f"; in the second half {before:.0f} -> {after:.0f} ({growth:+.1f} %){' - TOO MUCH' if judged else ''}")
    print(f"errors: {len(report.errors)}")
    for at, what in report.errors[:20]:
        print(f"  at {at} s: {what}")
    if options.json:
        with open(options.json, "w") as f:
            json.dump(figures, f, indent=1)
    return 1 if bad or report.errors else 0


START = time.monotonic()

if __name__ == "__main__":
    main()
