#!/usr/bin/env python3
"""Drives a Gambit server with the official Python client (pip install openai) and checks what comes back.

    openai_client.py http://127.0.0.1:8080/v1 [API_KEY]

Exits with 0 when all checks pass and with 1 at the first that does not. Checks that need something the server or its model
does not have are listed as skipped, with what the server said. The server should have at least 2 slots; with an API key,
the check that a wrong one is refused runs too.
"""
import json
import math
import sys
from concurrent.futures import ThreadPoolExecutor

import openai
from openai import OpenAI

PROMPT = "Once upon a time"
MESSAGES = [{"role": "user", "content": "Tell me a story about a cat."}]
passed, skipped = [], []


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def models(client, model):
    listed = client.models.list().data
    check([m.id for m in listed] == [model], f"models.list: {listed}")
    check(client.models.retrieve(model).id == model, "models.retrieve")


def completion(client, model):
    r = client.completions.create(model=model, prompt=PROMPT, max_tokens=12, seed=1)
    check(r.object == "text_completion" and len(r.choices) == 1 and r.choices[0].text, f"completion: {r}")
    check(r.choices[0].finish_reason in ("length", "stop"), r.choices[0].finish_reason)
    check(r.usage.total_tokens == r.usage.prompt_tokens + r.usage.completion_tokens, f"usage: {r.usage}")
    check(r.usage.completion_tokens <= 12, f"max_tokens: {r.usage}")
    return r.choices[0].text


def chat(client, model):
    r = client.chat.completions.create(model=model, messages=MESSAGES, max_completion_tokens=12, seed=1)
    check(r.object == "chat.completion" and r.choices[0].message.role == "assistant", f"chat: {r}")
    check(r.choices[0].message.content, f"chat content: {r}")


def stream_is_the_same_text(client, model):
    ask = dict(model=model, messages=MESSAGES, max_tokens=24, seed=5)
    whole = client.chat.completions.create(**ask)
    chunks = list(client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True}))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    check(text == whole.choices[0].message.content, f"{text!r} is not {whole.choices[0].message.content!r}")
    check(chunks[0].choices[0].delta.role == "assistant", "the role comes first")
    finishes = [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason]
    check(finishes == [whole.choices[0].finish_reason], f"finish_reason: {finishes}")
    check(chunks[-1].usage == whole.usage or chunks[-1].usage.completion_tokens == whole.usage.completion_tokens,
          f"usage: {chunks[-1].usage} and {whole.usage}")
    text = "".join(c.choices[0].text for c in
                   client.completions.create(model=model, prompt=PROMPT, max_tokens=24, seed=5, stream=True) if c.choices)
    check(text == client.completions.create(model=model, prompt=PROMPT, max_tokens=24, seed=5).choices[0].text, text)


def stop(client, model):
    ask = dict(model=model, prompt=PROMPT, max_tokens=40, seed=5)
    text = client.completions.create(**ask).choices[0].text
    check(len(text) > 12, f"a text to stop in: {text!r}")
    end = text[8:11]
    cut = client.completions.create(**ask, stop=[end, "\0never\0"]).choices[0]
    check(cut.text == text[:text.index(end)] and cut.finish_reason == "stop", f"{cut} of {text!r} at {end!r}")


def seed_alone_and_beside_others(client, model):
    def ask(seed, prompt=PROMPT):
        return client.completions.create(model=model, prompt=prompt, max_tokens=24, seed=seed, temperature=1.0)
    alone = ask(42).choices[0].text
    check(ask(42).choices[0].text == alone, "same seed, same text")
    check(any(ask(s).choices[0].text != alone for s in (43, 44)), "another seed, another text")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda i: ask(42) if i == 7 else ask(i, f"The number {i} is"), range(16)))
    check(answers[7].choices[0].text == alone, f"beside 15 others: {answers[7].choices[0].text!r} is not {alone!r}")


def several(client, model):
    r = client.chat.completions.create(model=model, messages=MESSAGES, n=2, max_tokens=12, temperature=1.0, seed=3)
    check([c.index for c in r.choices] == [0, 1], f"n=2: {r}")


def logprobs(client, model):
    r = client.chat.completions.create(model=model, messages=MESSAGES, max_tokens=6, temperature=0, logprobs=True,
                                       top_logprobs=3)
    content = r.choices[0].logprobs.content
    check(len(content) == r.usage.completion_tokens or r.choices[0].finish_reason == "stop", f"one each: {len(content)}")
    for token in content:
        check(token.logprob <= 0 and len(token.top_logprobs) == 3, f"{token}")
        check(abs(max(t.logprob for t in token.top_logprobs) - token.logprob) < 1e-4, f"greedy takes the likeliest: {token}")
        check(sum(math.exp(t.logprob) for t in token.top_logprobs) < 1.001, f"probabilities: {token}")
    check("".join(bytes(t.bytes).decode("utf-8", "replace") for t in content).startswith(
        r.choices[0].message.content[:4]), "the tokens are the text's")
    r = client.completions.create(model=model, prompt=PROMPT, max_tokens=4, logprobs=2, temperature=0)
    check(len(r.choices[0].logprobs.tokens) == len(r.choices[0].logprobs.token_logprobs) > 0, f"{r.choices[0].logprobs}")
    check(r.choices[0].logprobs.text_offset[0] in (0, len(PROMPT)), f"{r.choices[0].logprobs}")


def logit_bias(client, model):
    tokens = client.post("/tokenize".replace("/tokenize", str(client.base_url).rsplit("/v1", 1)[0] + "/tokenize"),
                         body={"content": " cat"}, cast_to=object)["tokens"]
    r = client.completions.create(model=model, prompt=PROMPT, max_tokens=4, logit_bias={str(tokens[0]): 100}, temperature=0)
    check("cat" in r.choices[0].text, f"a bias of 100 wins: {r.choices[0].text!r}")


def json_schema(client, model):
    schema = {"type": "object", "additionalProperties": False, "required": ["name", "age"],
              "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"}}}
    for seed in range(5):
        r = client.chat.completions.create(
            model=model, messages=MESSAGES, max_tokens=120, seed=seed,
            response_format={"type": "json_schema", "json_schema": {"name": "person", "schema": schema, "strict": True}})
        value = json.loads(r.choices[0].message.content)
        check(set(value) == {"name", "age"} and isinstance(value["age"], int), f"seed {seed}: {value}")


def errors(client, model):
    def raises(kind, call, **expected):
        try:
            call()
        except kind as e:
            for name, value in expected.items():
                check(getattr(e, name) == value, f"{name} of {e!r}: {getattr(e, name)!r}, expected {value!r}")
            return
        raise AssertionError(f"expected {kind.__name__}")
    raises(openai.BadRequestError, lambda: client.completions.create(model=model, prompt=PROMPT, temperature=-1),
           status_code=400, param="temperature", type="invalid_request_error")
    raises(openai.BadRequestError, lambda: client.completions.create(model=model, prompt="word " * 200000),
           status_code=400, code="context_length_exceeded")
    raises(openai.NotFoundError, lambda: client.models.retrieve("no-such-model"), status_code=404, code="model_not_found")
    raises(openai.NotFoundError, lambda: client.embeddings.create(model=model, input="x"), status_code=404)
    raises(openai.APIStatusError, lambda: client.completions.create(model=model, prompt="x" * (40 << 20)), status_code=413)
    if client.api_key != "none":
        raises(openai.AuthenticationError, lambda: client.with_options(api_key="wrong").models.list(),
               status_code=401, code="invalid_api_key")


def cancelled(client, model):
    stream = client.completions.create(model=model, prompt=PROMPT, max_tokens=400, stream=True)
    next(iter(stream))
    stream.close()
    completion(client, model)  # and the server goes on


def optional(check_, client, model):
    """Runs a check of something that a server may not have, and says so with a 400."""
    try:
        check_(client, model)
    except openai.BadRequestError as e:
        skipped.append(f"{check_.__name__}: {e.body.get('message') if isinstance(e.body, dict) else e}")
        return
    passed.append(check_.__name__)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    client = OpenAI(base_url=sys.argv[1], api_key=sys.argv[2] if len(sys.argv) == 3 else "none", max_retries=0,
                    timeout=120)
    model = client.models.list().data[0].id
    for check_ in (models, completion, chat, stream_is_the_same_text, stop, seed_alone_and_beside_others, several, errors,
                   cancelled):
        check_(client, model)
        passed.append(check_.__name__)
    for check_ in (logprobs, logit_bias, json_schema):
        optional(check_, client, model)
    print(f"passed: {', '.join(passed)}")
    for line in skipped:
        print(f"skipped: {line}")


if __name__ == "__main__":
    try:
        main()
    except AssertionError as e:
        sys.exit(f"openai_client.py: check failed: {e}")
