#!/usr/bin/env python3
"""Writes the files the tests of dev.gambit.engine.gguf compare with, by llama.cpp's own `gguf` package (0.17 or later).

    pip install gguf
    python engine/src/test/python/gguf_vectors.py

dequantizer.gguf   a tensor of every type, named after it, and what gguf.quants.dequantize makes of it, <type>.f32
every-value.gguf   metadata of every type, tensors of one to four dimensions, alignment 64
*.dump.txt         what gguf-dump prints for every-value.gguf and for the model in the jar
"""

import contextlib
import io
import sys
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import GGUFValueType as V
from gguf import GGUFWriter, quants
from gguf.scripts import gguf_dump

ENGINE = Path(__file__).resolve().parents[3]
OUT = ENGINE / "src/test/resources/dev/gambit/engine/gguf"
MODEL = ENGINE / "src/main/resources/dev/gambit/engine/fable-7m-q8_0.gguf"
BLOCKS = {T.Q4_K: (144, [0, 2]), T.Q5_K: (176, [0, 2]), T.Q6_K: (210, [208])}
rng = np.random.default_rng(20240917)


def blocks(qtype, rows, per_row):
    """Random bytes with finite half-precision scales: every such block is valid."""
    size, scales = BLOCKS[qtype]
    data = rng.integers(0, 256, (rows * per_row, size), dtype=np.uint8)
    for at in scales:
        d = (rng.standard_normal(rows * per_row) * 0.01).astype(np.float16)
        data[:, at : at + 2] = d.view(np.uint8).reshape(-1, 2)
    return data.reshape(rows, per_row * size)


def dequantizer():
    w = GGUFWriter(OUT / "dequantizer.gguf", "test")
    x = (rng.standard_normal((3, 64)) * np.array([[1e-3], [1], [300]])).astype(np.float32)
    x[1, :32] = 0  # a block whose scale is 0
    for qtype in (T.F32, T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q4_K, T.Q5_K, T.Q6_K):
        if qtype in BLOCKS:
            data = blocks(qtype, 2, 2)
        else:
            data = quants.quantize(x, qtype)
        if qtype == T.F16:  # subnormal, largest, infinite, minus zero
            data[0, :5] = np.array([6e-8, 65504, np.inf, -np.inf, -0.0], dtype=np.float16)
        expected = quants.dequantize(data, qtype)
        w.add_tensor(qtype.name, data, raw_dtype=qtype)
        w.add_tensor(qtype.name + ".f32", expected)
    finish(w)


def every_value():
    w = GGUFWriter(OUT / "every-value.gguf", "test")
    w.add_key_value("general.alignment", 64, V.UINT32)
    w.data_alignment = 64
    bounds = {V.UINT8: (0, 2**8 - 1), V.INT8: (-(2**7), 2**7 - 1), V.UINT16: (0, 2**16 - 1),
              V.INT16: (-(2**15), 2**15 - 1), V.UINT32: (0, 2**32 - 1), V.INT32: (-(2**31), 2**31 - 1),
              V.UINT64: (0, 2**63 - 1), V.INT64: (-(2**63), 2**63 - 1)}
    for vtype, (low, high) in bounds.items():
        name = vtype.name.lower()
        w.add_key_value(f"{name}.min", low, vtype)
        w.add_key_value(f"{name}.max", high, vtype)
        w.add_key_value(f"{name}.array", [low, 1, high], V.ARRAY, vtype)
    floats = [0.0, -0.0, 1.0, -2.5, 1e-5, 0.0001, 1e16, 123456789012345680.0, 3.4e38, float("inf"), float("nan"), 1e-45]
    for vtype in (V.FLOAT32, V.FLOAT64):
        for i, value in enumerate(floats):
            w.add_key_value(f"{vtype.name.lower()}.{i}", value, vtype)
        w.add_key_value(f"{vtype.name.lower()}.array", floats[:6], V.ARRAY, vtype)
    w.add_key_value("float64.tiny", 5e-324, V.FLOAT64)
    w.add_bool("bool.true", True)
    w.add_bool("bool.false", False)
    w.add_array("bool.array", [True, False, True])
    strings = ["plain", "it's", 'say "it\'s"', "tab\tline\nreturn\rback\\slash", "\x00\x7f\x85\xa0\xad",
               "äĠ日本\U0001f600", "\u200b\u2028\ue000\U000e0001", "x" * 60, "\U0001f600" * 61]
    for i, value in enumerate(strings):
        w.add_string(f"string.{i}", value)
    w.add_key_value("string.empty", "", V.STRING)
    w.add_array("string.array", [*strings, "", "y" * 70])
    w.add_tensor("one", np.arange(5, dtype=np.float32))
    w.add_tensor("two", np.arange(6, dtype=np.float16).reshape(2, 3))
    w.add_tensor("three", np.arange(24, dtype=np.float32).reshape(2, 3, 4))
    w.add_tensor("four.weight", quants.quantize(rng.standard_normal((2, 3, 1, 32)).astype(np.float32), T.Q8_0),
                 raw_dtype=T.Q8_0)
    finish(w)


def finish(w):
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def dump(model, name):
    text = io.StringIO()
    sys.argv = ["gguf-dump", str(model)]
    with contextlib.redirect_stdout(text):
        gguf_dump.main()
    (OUT / f"{name}.dump.txt").write_text(text.getvalue(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    dequantizer()
    every_value()
    dump(OUT / "every-value.gguf", "every-value")
    dump(MODEL, "fable-7m-q8_0")
