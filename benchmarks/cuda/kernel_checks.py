"""Checks every kernel against float64 torch over odd sizes, kept fractions and weight forms; exit code 1 on a failure.

    kernel_checks.py [--set compute_80|sm_90] [--quick] [--forms f16,...] [--part 0/4]
"""

import argparse
import itertools
import struct
import sys

import numpy as np
import torch

from gambit_cuda import *

failures = 0
done = 0


def report(what, got, want, tolerance=2e-6, size=None):
    """Error of a vector by its norm, or by that of what was summed up; NaN never passes."""
    global failures, done
    done += 1
    error = ((got.double() - want).norm() / (want if size is None else size).norm().clamp_min(1e-30)).item()
    if not error <= tolerance:
        failures += 1
        if failures < 40:
            print(f"FAIL {what}: error {error:.2e}")


def same(what, condition):
    global failures, done
    done += 1
    if not condition:
        failures += 1
        if failures < 40:
            print(f"FAIL {what}")


def poison(n):
    return torch.full((n,), float("nan"), device="cuda")


def random(n, seed):
    return torch.randn(n, generator=torch.Generator("cuda").manual_seed(seed), device="cuda")


def normed(x, w, eps):
    d = x.double()
    return d * w.double() / torch.sqrt((d * d).mean() + eps)


def thresholds_for(v, keep, seed):
    """Per-channel thresholds that leave no doubt: half or twice the value; a scalar's neighbours are too close."""
    v = v.abs().float()
    if keep == "none":
        return v * 2 + 1
    if keep == "all":
        return v * .5
    if keep == "one":
        t = v * 2 + 1
        t[v.numel() // 2] = v[v.numel() // 2] * .5
        return t
    choice = torch.rand(v.shape, generator=torch.Generator("cuda").manual_seed(seed), device="cuda") < .5
    return torch.where(choice, v * .5, v * 2 + 1e-3)


part, parts = 0, 1


def sizes(form, quick):
    return all_sizes(form, quick)[part::parts]


def all_sizes(form, quick):
    if form in TYPES:
        s = [1, 7, 31, 33, 576, 1536, 4096, 11008, 14336]
        return s if not quick else [1, 33, 576, 4096]
    if form in ("u4_f32_min", "i8_f32_min", "i8_f32_16"):
        return [256, 1536, 4096, 14336] if not quick else [256, 1536]
    return [32, 96, 576, 1536, 4096, 11008] if not quick else [32, 576]


def check_rows(form, kernel, quick):
    for inputs, outputs in itertools.product(sizes(form, quick), [1, 5, 67, 1000] if not quick else [5, 67]):
        seed = inputs * 7 + outputs
        ws = [Weights(form, False, inputs, n, seed + k) for k, n in enumerate((outputs, 3, 130))]
        x, nw = random(inputs, seed), random(inputs, seed + 1) + 1
        for warps, mode, count in ((1, PLAIN, 1), (8, NORMED, 3), (None, NORMED, 1), (2, PLAIN, 3)):
            v = x.double() if mode == PLAIN else normed(x, nw, 1e-5)
            outs = [poison(w.outputs) for w in ws[:count]]
            outs[0].fill_(0.5)
            bias = random(outputs, seed + 2)
            segs = [segment(w, o) for w, o in zip(ws, outs)]
            segs[0] = segment(ws[0], outs[0], bias=bias, accumulate=1, activation=SILU)
            gemv_rows(kernel, vector_input(x, mode, nw), segs, warps_per_row=warps, form=form)
            want = ws[0].exact @ v + bias.double()
            report(f"gemv_rows.{form} {inputs}x{outputs} warps {warps} mode {mode}", outs[0],
                   want * torch.sigmoid(want) + .5)
            for w, o in zip(ws[1:count], outs[1:]):
                report(f"gemv_rows.{form} {inputs}x{w.outputs} segment", o, w.exact @ v, 5e-6)
        t = thresholds_for(normed(x, nw, 1e-5), "half", seed)
        v = normed(x, nw, 1e-5)
        v = torch.where(v.abs() > t, v, 0)
        out, kept = poison(outputs), torch.zeros(1, dtype=torch.int32, device="cuda")
        gemv_rows(kernel, vector_input(x, NORMED, nw), [segment(ws[0], out)], t, 1, kept, form=form)
        report(f"gemv_rows.{form} {inputs}x{outputs} masked", out, ws[0].exact @ v, 5e-6)
        same(f"gemv_rows.{form} {inputs} count", kept.item() == (v != 0).sum().item())
        # each matrix with a mask of its own, or none
        outs, counts = [poison(w.outputs) for w in ws], torch.zeros(3, dtype=torch.int32, device="cuda")
        v = normed(x, nw, 1e-5)
        ts = [t, None, thresholds_for(v, "one", seed)]
        segs = [segment(w, o, m, 1, kept=counts[k:]) for k, (w, o, m) in enumerate(zip(ws, outs, ts))]
        gemv_rows(kernel, vector_input(x, NORMED, nw), segs, form=form, apart=True)
        for k, (w, o, m) in enumerate(zip(ws, outs, ts)):
            masked = v if m is None else torch.where(v.abs() > m, v, 0)
            report(f"gemv_rows.{form} {inputs}x{w.outputs} own mask {k}", o, w.exact @ masked, 5e-6,
                   w.exact.abs() @ masked.abs())
            if m is not None:
                same(f"gemv_rows.{form} {inputs} own count {k}", counts[k].item() == (masked != 0).sum().item())


def check_cols(form, kernel, quick):
    ws = Workspace()
    for inputs, outputs in itertools.product(sizes(form, quick), [1, 5, 67, 1000] if not quick else [5, 600]):
        seed = inputs * 5 + outputs
        mats = [Weights(form, True, inputs, n, seed + k) for k, n in enumerate((outputs, 3, 700))]
        x, other = random(inputs, seed), random(inputs, seed + 1) + 1
        for (keep, mode), (kind, splits) in itertools.product(
                (("none", PLAIN), ("one", PLAIN), ("half", NORMED), ("all", PLAIN), ("half", ACTIVATED), (None, NORMED)),
                [(None, None), ("narrow", None), ("wide", 1), ("wide", 3)] + [
                    (lanes, c) for lanes in CLUSTER_LANES for c in (1, 3, 8) if lanes in kernel.kernels]):
            v = x.double() if mode == PLAIN else normed(x, other, 1e-5) if mode == NORMED else \
                x.double() * torch.sigmoid(x.double()) * other.double()
            t = None if keep is None else thresholds_for(v, keep, seed)
            masked = v if t is None else torch.where(v.abs() > t, v, 0)
            inp = vector_input(x, mode, other, activation=SILU)
            out, kept = poison(outputs), torch.zeros(1, dtype=torch.int32, device="cuda")
            kernel(inp, [segment(mats[0], out, t, 1, kept=kept)], ws, kind, splits)
            report(f"cols.{form} {inputs}x{outputs} keep {keep} mode {mode} kind {kind} splits {splits}", out,
                   mats[0].exact @ masked, 5e-6, mats[0].exact.abs() @ masked.abs())
            n = inputs if t is None else (masked != 0).sum().item()
            same(f"cols.{form} {inputs} keep {keep} count {kept.item()} not {n}", kept.item() == n)
        outs = [poison(m.outputs) for m in mats]
        outs[1].fill_(2)
        bias = random(3, 5)
        ts = [thresholds_for(x, "half", seed), None, torch.zeros(1, device="cuda")]
        segs = [segment(mats[0], outs[0], ts[0]), segment(mats[1], outs[1], bias=bias, accumulate=1),
                segment(mats[2], outs[2], ts[2], 0)]
        kernel(vector_input(x), segs, ws)
        again = [o.clone() for o in outs]
        outs[1].fill_(2)
        kernel(vector_input(x), segs, ws)
        same(f"cols.{form} {inputs} twice the same bits", all(torch.equal(a, b) for a, b in zip(again, outs)))
        d = x.double()
        report(f"cols.{form} {inputs}x{outputs} three", outs[0], mats[0].exact @ torch.where(d.abs() > ts[0], d, 0), 5e-6)
        report(f"cols.{form} {inputs} accumulate", outs[1], mats[1].exact @ d + bias.double() + 2, 5e-6)
        report(f"cols.{form} {inputs} third", outs[2], mats[2].exact @ d, 5e-6)
    same(f"cols.{form} tickets are zero again", ws.tickets.abs().sum().item() == 0)


def check_ffn(form, kernel, quick):
    for inputs, channels in itertools.product(sizes(form, quick)[:8], [1, 50, 1536] if not quick else [50]):
        seed = inputs * 3 + channels
        gate, up = Weights(form, False, inputs, channels, seed), Weights(form, False, inputs, channels, seed + 1)
        x, nw = random(inputs, seed), random(inputs, seed + 1) + 1
        v = normed(x, nw, 1e-5)
        for keep, masks in itertools.product((None, "none", "one", "half", "all"), (False, True)):
            gi = thresholds_for(v, "half", seed + 7) if masks else None
            ui = thresholds_for(v, "half", seed + 8) if masks else None
            vg = v if gi is None else torch.where(v.abs() > gi, v, 0)
            vu = v if ui is None else torch.where(v.abs() > ui, v, 0)
            g = gate.exact @ vg
            act = g * torch.sigmoid(g)
            t = None if keep is None else thresholds_for(act, keep, seed)
            want = act * (up.exact @ vu)
            size = (gate.exact.abs() @ vg.abs()) * (up.exact.abs() @ vu.abs())
            if t is not None:
                want = torch.where(act.abs() > t, want, 0)
            out, kept = poison(channels), torch.zeros(1, dtype=torch.int32, device="cuda")
            inp = vector_input(x, NORMED, nw)
            ffn_gate_up(kernel, inp, gate, up, out, t, 1, kept, gi, ui, 1)
            report(f"ffn.{form} {inputs}x{channels} keep {keep} masks {masks}", out, want, 1e-5, size)
            n = channels if t is None else (act.abs() > t).sum().item()
            same(f"ffn.{form} {inputs}x{channels} keep {keep} count {kept.item()} not {n}", kept.item() == n)
            again = poison(channels)
            ffn_gate_up(kernel, inp, gate, up, again, t, 1, None, gi, ui, 1)
            same(f"ffn.{form} twice the same bits", torch.equal(out, again))
            if not masks:
                ffn_gate_up(kernel, inp, None, up, again, t, 1, activations=act.float())
                report(f"ffn.{form} {inputs}x{channels} keep {keep} given", again, want, 1e-5, size)


BLOCKS = {"q8_0": (34, 32, "i8"), "q4_0": (18, 32, "u4"), "q4_1": (20, 32, "u4_min"), "q5_0": (22, 32, "i8"),
          "q5_1": (24, 32, "i8_min"), "q4_k": (144, 256, "u4_f32_min"), "q5_k": (176, 256, "i8_f32_min"),
          "q6_k": (210, 256, "i8_f32_16")}


def half(b, at):
    return struct.unpack_from("<e", b, at)[0]


def block_values(kind, b):
    """The weights of one block, from ggml's definitions, in Python's floats (exact)."""
    if kind == "q8_0":
        return [half(b, 0) * struct.unpack_from("b", b, 2 + i)[0] for i in range(32)]
    if kind in ("q4_0", "q4_1", "q5_0", "q5_1"):
        mins, five = kind[3] == "1", kind[1] == "5"
        at = 4 if mins else 2
        bits = int.from_bytes(b[at:at + 4], "little") if five else 0
        qs = b[at + (4 if five else 0):]
        out = []
        for i in range(32):
            q = (qs[i] & 15 if i < 16 else qs[i - 16] >> 4) | (bits >> i & 1) << 4
            out.append(half(b, 0) * q + half(b, 2) if mins else half(b, 0) * (q - (16 if five else 8)))
        return out
    if kind in ("q4_k", "q5_k"):
        s, out = b[4:16], []
        qs = b[16:] if kind == "q4_k" else b[48:]
        for j in range(8):
            sc = s[j] & 63 if j < 4 else s[j + 4] & 15 | s[j - 4] >> 6 << 4
            m = s[j + 4] & 63 if j < 4 else s[j + 4] >> 4 | s[j] >> 6 << 4
            for i in range(32):
                q = qs[j // 2 * 32 + i] >> (4 * (j % 2)) & 15
                if kind == "q5_k":
                    q |= (b[16 + i] >> j & 1) << 4
                out.append(half(b, 0) * sc * q - half(b, 2) * m)
        return out
    out = [0.] * 256
    for n in range(2):
        ql, qh, sc = b[64 * n:], b[128 + 32 * n:], b[192 + 8 * n:]
        for i in range(32):
            for k, low in enumerate((ql[i] & 15, ql[i + 32] & 15, ql[i] >> 4, ql[i + 32] >> 4)):
                q = (low | (qh[i] >> 2 * k & 3) << 4) - 32
                out[128 * n + 32 * k + i] = half(b, 208) * struct.unpack_from("b", sc, i // 16 + 2 * k)[0] * q
    return out


def decode(form, columns, data, scales, mins, inputs, outputs):
    """The values of planes, exactly."""
    bits, zero, sb, has_min, group, _, _ = FORMS[form]
    shape = (padded(inputs), padded(outputs)) if columns else (outputs, padded(inputs))
    if bits >= 16:
        v = data.view(TYPES[form]).view(shape).double()
    else:
        if bits == 4:
            q = torch.stack([data & 15, data >> 4], -1).view(shape).double() - zero
        else:
            q = data.view(torch.int8).view(shape).double()
        st = torch.float16 if sb == 2 else torch.float32
        ss = (shape[0] // group, shape[1]) if columns else (shape[0], shape[1] // group)
        axis = 0 if columns else 1
        v = q * scales.view(st).view(ss).double().repeat_interleave(group, axis)
        if has_min:
            v += mins.view(st).view(ss).double().repeat_interleave(group, axis)
    full = v.T if columns else v
    return full[:outputs, :inputs], full


def check_repack(set):
    rng = np.random.default_rng(1)
    for kind in list(BLOCKS) + list(TYPES):
        kernel = Kernel("repack", "repack_" + kind, set=set)
        for inputs, outputs in ((512, 7), (256, 65)) if kind in BLOCKS else ((1, 1), (33, 7), (100, 65)):
            if kind in BLOCKS:
                size, span, form = BLOCKS[kind]
                raw = rng.integers(0, 256, (outputs, inputs // span, size), dtype=np.uint8)
                at = {"q6_k": [208]}.get(kind, [0, 2] if kind in ("q4_1", "q5_1", "q4_k", "q5_k") else [0])
                for k in at:
                    raw[..., k:k + 2] = rng.normal(size=raw.shape[:2]).astype(np.float16)[..., None].view(np.uint8)
                want = np.array([[v for b in row for v in block_values(kind, b.tobytes())] for row in raw])
                want = torch.tensor(want, device="cuda")
            else:
                form = kind
                t = torch.tensor(rng.normal(size=(outputs, inputs)), device="cuda").to(TYPES[kind])
                want, raw = t.double(), t.view(torch.uint8).cpu().numpy()
            bits, _, sb, has_min, group, _, _ = FORMS[form]
            raw = torch.tensor(raw.reshape(outputs, -1), device="cuda")
            for columns in (0, 1):
                n = padded(inputs) * (padded(outputs) if columns else outputs)
                data = torch.full((n * bits // 8,), 99, dtype=torch.uint8, device="cuda")
                scales = torch.full((max(1, n // group * sb),), 99, dtype=torch.uint8, device="cuda")
                mins = scales.clone()
                half_rows = outputs // 4 * 2
                for first, count in ((0, half_rows), (half_rows, outputs - half_rows)):
                    if count:
                        pairs = (padded(outputs) - first + 1) // 2 if columns else (count + 1) // 2
                        a = RepackArgs(raw[first:].data_ptr(), ptr(data), ptr(scales), ptr(mins), inputs, outputs, first,
                                       count, columns)
                        kernel.launch((-(-pairs * (padded(inputs) // 32) // 256),), a)
                got, full = decode(form, columns, data, scales, mins, inputs, outputs)
                f = want.float().double() if sb == 4 else want
                e = (got - want).abs().max().item() / max(want.abs().max().item(), 1e-9)
                same(f"repack {kind} columns {columns} {inputs}x{outputs}: {e:.1e}", e <= (1e-7 if sb == 4 else 0))
                if columns:
                    same(f"repack {kind} padding", full.abs().sum().item() == full[:outputs, :inputs].abs().sum().item())


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--set", default="sm_90")
    a.add_argument("--quick", action="store_true")
    a.add_argument("--forms", default=",".join(FORMS))
    a.add_argument("--part", default="0/1", help="I/N: every Nth number of inputs, from the Ith on")
    a = a.parse_args()
    global part, parts
    part, parts = map(int, a.part.split("/"))
    if part == 0:
        check_repack("compute_80")
        print(f"repack: {done} checks, {failures} failures", flush=True)
    for form in a.forms.split(","):
        for name, f in (("gemv_rows", check_rows), ("sparse_gemv_cols", check_cols), ("ffn_gate_up", check_ffn)):
            before = done, failures
            f(form, SparseGemvCols(form, a.set) if f is check_cols else Kernel(f"{name}.{form}", set=a.set), a.quick)
            torch.cuda.synchronize()
            print(f"{name}.{form}: {done - before[0]} checks, {failures - before[1]} failures", flush=True)
    print(f"{a.set}: {done} checks, {failures} failures")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
