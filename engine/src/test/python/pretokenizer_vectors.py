"""Writes test vectors for the pre-tokenizers: random strings and how the published regular expressions split them.

    pip install regex
    python pretokenizer_vectors.py 1250 > ../resources/tokenizer/pretokenizer-vectors.jsonl

Each line is {"text": ..., "gpt-2": "1 2 1", ...} with the lengths of the words in code points, in order; a
pre-tokenizer that is missing splits as gpt-2 does. Code points are those assigned in this Python's Unicode version.
"""

import json
import random
import sys
import unicodedata

import regex

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
# Published with (?i:...), which llama.cpp spells out for ASCII: U+017F is no "s" there.
LLAMA3 = (
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# Expressions are applied one after the other, each to the pieces that the one before left.
STAGES = {
    "gpt-2": [GPT2],
    "smollm": [r"\p{N}", GPT2],
    "llama-bpe": [LLAMA3 % "{1,3}"],
    "qwen2": [LLAMA3 % ""],
    "default": [r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", r"[0-9][0-9][0-9]"],
}

SPACES = " " * 12 + "\n\n\n\r\t\u00a0\u3000\u2003\u0085\u2028\x0b\x1c\u200b\ufeff"
SNIPPETS = ["'s", "'T", "'re", "'LL", "'d", "'Ve", "''", "\r\n", "  ", "   ", "\n\n ", "123", "4567", "!?", "…", "he", "can't"]


def assigned(first, last):
    return [chr(c) for c in range(first, last) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")]


POOLS = [
    list("abcdefgXYZ"),
    list("0123456789"),
    list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    list(SPACES),
    SNIPPETS,
    assigned(0, 0x250),
    assigned(0x250, 0x600),
    assigned(0x600, 0x1000),
    assigned(0x1000, 0x3000),
    assigned(0x3000, 0x10000),
    assigned(0x10000, 0x20000),
]
WEIGHTS = [6, 4, 4, 7, 5, 2, 1, 1, 1, 1, 1]


def split(text, stages):
    pieces = [text]
    for stage in stages:
        result = []
        for piece in pieces:
            at = 0
            for match in regex.finditer(stage, piece):
                result += [piece[at : match.start()], match.group()]
                at = match.end()
            result.append(piece[at:])
        pieces = [piece for piece in result if piece]
    return " ".join(str(len(piece)) for piece in pieces)


def main():
    random.seed(1)
    for _ in range(int(sys.argv[1])):
        pools = random.choices(POOLS, WEIGHTS, k=random.randint(1, 6))
        text = "".join(random.choice(pool) for pool in pools for _ in range(random.choice((1, 1, 1, 2, 4))))
        line = {"text": text}
        for name, stages in STAGES.items():
            words = split(text, stages)
            if name == "gpt-2" or words != line["gpt-2"]:
                line[name] = words
        print(json.dumps(line, ensure_ascii=False, separators=(",", ":")))


main()
