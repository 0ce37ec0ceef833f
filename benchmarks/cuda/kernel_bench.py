"""The kernel table of targets.md: the product's sparse kernel, cuBLAS and a Triton kernel in TEAL's manner, in one run.

    kernel_bench.py [--shapes 4096x14336,...] [--forms f16,...] [--set sm_90] [--sweep]

Each timing is a CUDA graph of launches over different weights (1 GiB of them in all, the L2 holds 60 MB), each with a
vector, hence a mask, of its own; replayed several times, the median counts. GB/s counts weights of kept channels and
scale planes. The ratio is to a sum over 2 GiB in this run.
"""

import argparse
import statistics

import torch
import triton
import triton.language as tl

from gambit_cuda import *

LEVELS = (0, .3, .5, .7, .9)
SHAPES = "4096x14336,14336x4096,4096x4096,4096x1024,576x1536"


def time_graph(launches, replays=12):
    """Median microseconds of a launch, all of them captured in one graph."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for f in launches[:2]:
            f()
        stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            for f in launches:
                f()
        times = []
        graph.replay()
        for _ in range(replays):
            a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            a.record()
            graph.replay()
            b.record()
            b.synchronize()
            times.append(a.elapsed_time(b) * 1000 / len(launches))
        graph.reset()
    return statistics.median(times)


def read_bandwidth():
    """GB/s of a sum over 2 GiB."""
    t = torch.ones(1 << 29, device="cuda")
    out = torch.empty((), device="cuda")
    us = time_graph([lambda: torch.sum(t, 0, out=out)] * 4)
    return t.numel() * 4 / us / 1e3


@triton.jit
def split_k_sparse_gemv(y, w, x, threshold, n, k, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr):
    """TEAL's idea: [k, n] weights, predicated loads of rows above a scalar threshold, half precision atomics over splits."""
    columns = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    rows = tl.program_id(1) * BLOCK_K + tl.arange(0, BLOCK_K)
    v = tl.load(x + rows, mask=rows < k, other=0., eviction_policy="evict_last")
    keep = tl.abs(v) > threshold
    a = tl.load(w + (rows[:, None] * n + columns[None, :]), mask=keep[:, None], other=0., eviction_policy="evict_first")
    sum = tl.sum(a.to(tl.float32) * v.to(tl.float32)[:, None], 0)
    tl.atomic_add(y + columns, sum, mask=columns < n)


def teal_launch(y, w, x, t, config):
    bn, bk, warps = config
    y.zero_()
    k, n = w.shape
    split_k_sparse_gemv[(triton.cdiv(n, bn), triton.cdiv(k, bk))](y, w, x, t, n, k, bn, bk, num_warps=warps)


def original_teal(path):
    """The kernel of TEAL's own sparse_gemv.py, which tunes itself for each shape and level."""
    import importlib.util
    spec = importlib.util.spec_from_file_location("teal", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def launch(y, w, x, t, level):
        k, n = w.shape
        module.splitk_sparse_gemv_kernel[lambda m: (triton.cdiv(n, m["BLOCK_N"]), triton.cdiv(k, m["BLOCK_M"]))](
            y, w, x, t, n, k, n // 16, k // 16, 1, level)
    return launch


def copies_of(inputs, outputs, bits):
    return max(8, min(400, -(-(1 << 30) * 8 // (inputs * outputs * bits))))


def teal(inputs, outputs, weights, xs, ts, original):
    """Times at each level, the best of the configurations at that level."""
    y = torch.zeros(outputs, dtype=torch.float16, device="cuda")
    if original:
        best = []
        for i, t in enumerate(ts):
            original(y, weights[0], xs[0], t, i)
            torch.cuda.synchronize()
            best.append((time_graph([lambda w=w, x=x: original(y, w, x, t, i) for w, x in zip(weights, xs)]), "its own"))
        return best
    best = [(1e9, None)] * len(LEVELS)
    for config in ((128, 64, 2), (128, 8, 2), (256, 16, 4), (256, 32, 4), (256, 64, 4), (512, 16, 4), (512, 32, 4), (512, 64, 4),
                   (1024, 16, 4), (1024, 32, 8)):
        for i in range(len(LEVELS)):
            us = time_graph([lambda w=w, x=x: teal_launch(y, w, x, ts[i], config) for w, x in zip(weights, xs)], 5)
            best[i] = min(best[i], (us, config))
    return best


def rows_table(forms, set, roof, shapes, sweep):
    """gemv_rows dense, and gate, activation, mask and up's kept rows in ffn_gate_up, both with the norm before."""
    z = torch.randn(1 << 20, device="cuda")
    act = (z * torch.sigmoid(z)).abs().sort().values
    for shape in shapes.split(","):
        inputs, outputs = map(int, shape.split("x"))
        for form in forms.split(","):
            n = max(4, copies_of(inputs, outputs, FORMS[form][0]) // 2)
            gates = [Weights(form, False, inputs, outputs, k, exact=False) for k in range(n)]
            ups = [Weights(form, False, inputs, outputs, k + n, exact=False) for k in range(n)]
            xs = [torch.randn(inputs, device="cuda") for _ in range(n)]
            weight, out = torch.ones(inputs, device="cuda"), torch.empty(outputs, device="cuda")
            size = gates[0].bytes
            rows, ffn = Kernel("gemv_rows." + form, set=set), Kernel("ffn_gate_up." + form, set=set)
            for per_sm in (None, 2, 3, 4) if sweep else (None,):
                blocks = per_sm and min(per_sm * multiprocessors(), outputs)
                us = time_graph([lambda w=w, x=x: gemv_rows(
                    rows, vector_input(x, NORMED, weight), [segment(w, out)], blocks=blocks, dependent=True, form=form)
                    for w, x in zip(gates + ups, xs + xs)])
                times = []
                for level in LEVELS:
                    t = act[int(level * (1 << 20))].reshape(1)
                    times.append(time_graph([lambda g=g, u=u, x=x: ffn_gate_up(
                        ffn, vector_input(x, NORMED, weight), g, u, out, t if level else None, 0, blocks=blocks, dependent=True)
                        for g, u, x in zip(gates, ups, xs)]))
                kept = torch.zeros(1, dtype=torch.int32, device="cuda")
                ffn_gate_up(ffn, vector_input(xs[0], NORMED, weight), gates[0], ups[0], out, act[1 << 19].reshape(1), 0, kept)
                print(f"{inputs:>5} x {outputs:<5} {form} gemv_rows {us:5.1f} us {size / us / 1e3 / roof:.2f}  ffn_gate_up " +
                      " ".join(f"{t:5.1f}" for t in times) + " us (dense, 30-90 % of up skipped; kept at 50 %: "
                      f"{kept.item() / outputs:.2f})" + (f" blocks/SM {per_sm}" if per_sm else ""), flush=True)
            del gates, ups


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--shapes", default=SHAPES)
    a.add_argument("--forms", default="f16")
    a.add_argument("--set", default="sm_90")
    a.add_argument("--no-teal", action="store_true")
    a.add_argument("--teal", help="TEAL's own kernels/sparse_gemv.py, to be compared with instead of the kernel here")
    a.add_argument("--sweep", action="store_true")
    a.add_argument("--ptx", default="")
    a.add_argument("--rows", help="shapes of dense rows and of gate and up, such as 4096x14336")
    a = a.parse_args()
    roof = read_bandwidth()
    print(f"read bandwidth {roof:.0f} GB/s (sum over 2 GiB)")
    ws = Workspace()
    original = original_teal(a.teal) if a.teal else None
    for shape in filter(None, a.shapes.split(",")):
        inputs, outputs = map(int, shape.split("x"))
        for form in a.forms.split(","):
            bits = FORMS[form][0]
            n = copies_of(inputs, outputs, bits)
            weights = [Weights(form, True, inputs, outputs, k, exact=False) for k in range(n)]
            xs = [torch.randn(inputs, device="cuda") for _ in range(n)]
            # |x| of a normal vector is above this with probability 1 - level
            ts = [0.] + [math.sqrt(2) * torch.erfinv(torch.tensor(l)).item() for l in LEVELS[1:]]
            tv = [torch.full((1,), t, device="cuda") for t in ts]
            out = torch.empty(outputs, device="cuda")
            label = f"{inputs:>5} x {outputs:<5} {form}"
            dense = None
            if form in ("f16", "bf16"):
                hx = [x.to(TYPES[form]) for x in xs]
                ho = torch.empty(outputs, 1, dtype=TYPES[form], device="cuda")
                full = [w.data for w in weights]
                dense = time_graph([lambda w=w, x=x: torch.mm(w.T, x.unsqueeze(1), out=ho) for w, x in zip(full, hx)])
                rows = [w.data.T.contiguous() for w in weights]
                d2 = time_graph([lambda w=w, x=x: torch.mm(w, x.unsqueeze(1), out=ho) for w, x in zip(rows, hx)])
                del rows
                dense = min(dense, d2)
                print(f"{label} cuBLAS {dense:6.1f} us {weights[0].bytes / dense / 1e3:5.0f} GB/s")
                if not a.no_teal and form == "f16":
                    best = teal(inputs, outputs, full, hx, ts, original)
                    print(f"{label} TEAL   " + " ".join(f"{b[0]:6.1f}" for b in best) + f"  {best[2][1]}")
            kernel = SparseGemvCols(form, a.set, a.ptx or None)
            plans = [kernel.plan([outputs], inputs)]
            if a.sweep:
                for kind in ("narrow", "wide"):
                    for per_sm in (1, 2, 3, 4, 6):
                        splits = min(64, multiprocessors() * per_sm // kernel.tiles(kind, [outputs]), -(-inputs // 64))
                        plans.append(kernel.plan([outputs], inputs, kind, max(1, splits)))
                plans += [kernel.plan([outputs], inputs, lanes, c) for lanes in CLUSTER_LANES for c in (2, 4, 6, 7, 8)
                          if -(-inputs // 2048) <= c and 64 <= kernel.tiles(lanes, [outputs]) * c <= 6 * multiprocessors()]
                plans = list(dict.fromkeys(plans))
            for kind, splits in plans:
                for dependent in (False, True):
                    us = []
                    for t in tv:
                        us.append(time_graph([
                            lambda w=w, x=x, t=t: kernel(
                                vector_input(x), [segment(w, out, t, 0)], ws, kind, splits, dependent)
                            for w, x in zip(weights, xs)]))
                    scale = weights[0].bytes - weights[0].data.numel() * weights[0].data.element_size()
                    rate = [(scale + (weights[0].bytes - scale) * (1 - l)) / u / 1e3 for l, u in zip(LEVELS, us)]
                    print(f"{label} ours   " + " ".join(f"{u:6.1f}" for u in us) + " us  " +
                          " ".join(f"{r:4.0f}" for r in rate) + " GB/s  of read bandwidth " +
                          " ".join(f"{r / roof:.2f}" for r in rate) +
                          (f"  x cuBLAS {dense / us[2]:.2f} {dense / us[3]:.2f}" if dense else "") +
                          f"  {kind} {kernel.tiles(kind, [outputs])}x{splits}{' dependent' if dependent else ''}", flush=True)
            del weights, xs
            torch.cuda.empty_cache()
    if a.rows:
        rows_table(a.forms, a.set, roof, a.rows, a.sweep)


if __name__ == "__main__":
    main()
