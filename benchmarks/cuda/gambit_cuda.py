"""Loads the product's PTX and launches its kernels on torch tensors; for the kernel checks and benchmarks beside it.

Needs torch with a CUDA device. Structures mirror block.cuh and the kernels' argument structures.
"""

import ctypes as C
import math
import os

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
PTX = os.environ.get(
    "GAMBIT_PTX", os.path.join(HERE, "../../cuda-kernels/src/main/resources/dev/gambit/cuda/ptx"))

cuda = C.CDLL("libcuda.so.1")
p, i32, f32 = C.c_void_p, C.c_int, C.c_float

PLAIN, NORMED, ACTIVATED = 0, 1, 2
NONE, SILU, RELU, GELU = 0, 1, 2, 3


class Matrix(C.Structure):
    _fields_ = [("data", p), ("scales", p), ("mins", p)]


class Input(C.Structure):
    _fields_ = [("x", p), ("other", p), ("mode", i32), ("epsilon", f32), ("activation", i32), ("inputs", i32)]


class Segment(C.Structure):
    _fields_ = [("matrix", Matrix), ("thresholds", p), ("bias", p), ("out", p), ("kept", p),
                ("outputs", i32), ("stride", i32), ("accumulate", i32), ("activation", i32)]


class GemvRowsArgs(C.Structure):
    _fields_ = [("input", Input), ("segments", Segment * 3), ("thresholds", p), ("kept", p),
                ("stride", i32), ("segment_count", i32), ("warps_per_row", i32), ("apart", i32),
                ("first_block", i32 * 3)]


class SparseGemvColsArgs(C.Structure):
    _fields_ = [("input", Input), ("segments", Segment * 3), ("partials", p), ("tickets", p), ("segment_count", i32)]


class FfnGateUpArgs(C.Structure):
    _fields_ = [("input", Input), ("gate", Matrix), ("up", Matrix), ("gate_bias", p), ("up_bias", p), ("activations", p),
                ("thresholds", p), ("gate_in", p), ("up_in", p), ("out", p), ("kept", p), ("channels", i32),
                ("stride", i32), ("gate_in_stride", i32), ("up_in_stride", i32), ("activation", i32)]


class RepackArgs(C.Structure):
    _fields_ = [("raw", p), ("data", p), ("scales", p), ("mins", p), ("inputs", i32), ("outputs", i32),
                ("first", i32), ("count", i32), ("columns", i32)]


class Attribute(C.Structure):
    _fields_ = [("id", i32), ("pad", i32), ("value", C.c_char * 64)]


class LaunchConfig(C.Structure):
    _fields_ = [("grid", C.c_uint * 3), ("block", C.c_uint * 3), ("shared", C.c_uint), ("stream", p),
                ("attrs", C.POINTER(Attribute)), ("num", C.c_uint)]


def check(code, call):
    if code:
        name = C.c_char_p()
        cuda.cuGetErrorString(code, C.byref(name))
        raise RuntimeError(f"{call}: {code} {name.value}")


class Kernel:
    """A kernel function of a PTX file."""

    modules = {}

    def __init__(self, name, entry=None, set="sm_90", path=None):
        torch.cuda.current_stream()
        path = path or os.path.join(PTX, set, name + ".ptx")
        if path not in Kernel.modules:
            torch.zeros(1, device="cuda")
            module = p()
            with open(path, "rb") as f:
                text = f.read() + b"\0"
            check(cuda.cuModuleLoadData(C.byref(module), text), "cuModuleLoadData " + path)
            Kernel.modules[path] = module
        self.function = p()
        entry = entry or name.replace(".", "_")
        check(cuda.cuModuleGetFunction(C.byref(self.function), Kernel.modules[path], entry.encode()), entry)

    def registers(self):
        v = i32()
        cuda.cuFuncGetAttribute(C.byref(v), 4, self.function)
        return v.value

    def launch(self, grid, args, shared=0, block=256, dependent=False, cluster=1):
        if shared > 24 * 1024:
            check(cuda.cuFuncSetAttribute(self.function, 8, shared), "cuFuncSetAttribute")
        stream = p(torch.cuda.current_stream().cuda_stream)
        params = (p * 1)(C.cast(C.pointer(args), p))
        grid = tuple(grid) + (1,) * (3 - len(grid))
        if dependent or cluster > 1:
            attributes, n = (Attribute * 2)(), 0
            for id, values in ((6, (1,) * dependent), (4, (cluster, 1, 1) if cluster > 1 else ())):
                if values:
                    attributes[n].id = id
                    C.cast(C.byref(attributes[n], 8), C.POINTER(i32 * 3))[0][:len(values)] = values
                    n += 1
            config = LaunchConfig((C.c_uint * 3)(*grid), (C.c_uint * 3)(block, 1, 1), shared, stream,
                                  C.cast(attributes, C.POINTER(Attribute)), n)
            check(cuda.cuLaunchKernelEx(C.byref(config), self.function, params, None), "cuLaunchKernelEx")
        else:
            check(cuda.cuLaunchKernel(self.function, *grid, block, 1, 1, shared, stream, params, None), "cuLaunchKernel")


# form: bits, zero, scale bytes, min, group, lane's outputs (columns), weights in 16 bytes (rows), rows a warp
FORMS = {
    "f32": (32, 0, 0, False, 32, 4, 4), "f16": (16, 0, 0, False, 32, 8, 8), "bf16": (16, 0, 0, False, 32, 8, 8),
    "i8": (8, 0, 2, False, 32, 16, 16), "i8_min": (8, 0, 2, True, 32, 16, 16),
    "u4": (4, 8, 2, False, 32, 16, 32), "u4_min": (4, 0, 2, True, 32, 16, 32),
    "u4_f32_min": (4, 0, 4, True, 32, 16, 32), "i8_f32_min": (8, 0, 4, True, 32, 16, 16),
    "i8_f32_16": (8, 0, 4, False, 16, 16, 16)}
TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def padded(n):
    return (n + 31) // 32 * 32


def ptr(t):
    return None if t is None else t.data_ptr()


class Weights:
    """A matrix of random weights on the device in one layout, and its exact values."""

    def __init__(self, form, columns, inputs, outputs, seed=0, exact=True):
        bits, zero, scale_bytes, has_min, group, _, _ = FORMS[form]
        g = torch.Generator("cuda").manual_seed(seed)
        self.form, self.columns, self.inputs, self.outputs = form, columns, inputs, outputs
        self.scales = self.mins = None
        shape = (padded(inputs), padded(outputs)) if columns else (outputs, padded(inputs))
        r = None
        if bits >= 16:
            w = torch.randn(shape, generator=g, device="cuda").to(TYPES[form]) * inputs ** -0.5
            if exact:
                v = w.double()
        else:
            q = torch.randint(0, 16, shape, generator=g, device="cuda", dtype=torch.int8) if bits == 4 else \
                torch.randint(-128, 128, shape, generator=g, device="cuda", dtype=torch.int8)
            w = (q[..., ::2] | q[..., 1::2] << 4).contiguous() if bits == 4 else q
            sshape = (shape[0] // group, shape[1]) if columns else (shape[0], shape[1] // group)
            st = torch.float16 if scale_bytes == 2 else torch.float32
            level = inputs ** -0.5 / (8 if bits == 4 else 128)
            self.scales = ((torch.rand(sshape, generator=g, device="cuda") + .5) * level).to(st)
            if has_min:
                self.mins = (torch.randn(sshape, generator=g, device="cuda") * level * 4).to(st)
            if exact:
                axis = 0 if columns else 1
                v = (q.double() - zero) * self.scales.double().repeat_interleave(group, axis)
                if has_min:
                    v += self.mins.double().repeat_interleave(group, axis)
        self.data = w
        if exact:
            self.exact = (v[:inputs, :outputs].T if columns else v[:, :inputs])

    @property
    def bytes(self):
        return sum(t.numel() * t.element_size() for t in (self.data, self.scales, self.mins) if t is not None)

    def matrix(self):
        return Matrix(ptr(self.data), ptr(self.scales), ptr(self.mins))


def vector_input(x, mode=PLAIN, other=None, epsilon=1e-5, activation=NONE):
    return Input(ptr(x), ptr(other), mode, epsilon, activation, x.numel())


def segment(w, out, thresholds=None, stride=1, bias=None, kept=None, accumulate=0, activation=NONE):
    return Segment(w.matrix(), ptr(thresholds), ptr(bias), ptr(out), ptr(kept), w.outputs, stride, accumulate, activation)


class Workspace:
    def __init__(self, floats=1 << 23, tickets=1 << 14):
        self.partials = torch.empty(floats, device="cuda")
        self.tickets = torch.zeros(tickets, dtype=torch.int32, device="cuda")


SMS = None


def multiprocessors():
    global SMS
    SMS = SMS or torch.cuda.get_device_properties(0).multi_processor_count
    return SMS


def rows_shared(form, inputs):
    """Bytes of shared memory for an input, as WeightForm.java counts them."""
    tiled, minimum = FORMS[form][0] == 4, FORMS[form][3]
    lanes = 4 if tiled else 32
    spans = -(-inputs // (FORMS[form][6] * lanes))
    floats = spans * (FORMS[form][6] * lanes + (lanes if minimum else 0))
    return 4 * (floats + spans * lanes) + 64 if tiled else 4 * floats


def rows_grid(rows, form="f16", resident=2):
    """Blocks and warps a row, as GemvRows.java chooses them."""
    if FORMS[form][0] == 4:
        least = 1 if rows < 16 * multiprocessors() else min(2, resident)
        best, best_share = least, 0
        for per_sm in range(least, min(4, resident) + 1):
            blocks = multiprocessors() * per_sm
            share = rows / (blocks * ((-(-rows // blocks) + 15) // 16 * 16))
            if share > best_share + .01:
                best, best_share = per_sm, share
        blocks, warps = min(multiprocessors() * best, rows), 1
        while warps < 8 and rows * warps < 32 * blocks * 8:
            warps *= 2
        return blocks, warps
    warps = 1
    while warps < 8 and rows * warps < multiprocessors() * 8:
        warps *= 2
    teams, best, best_share = 8 // warps, 1, 0
    for per_sm in range(min(2, resident), min(4, resident) + 1):
        t = multiprocessors() * per_sm * teams
        share = rows / (t * -(-rows // t))
        if share > best_share + .01:
            best, best_share = per_sm, share
    return min(multiprocessors() * best, -(-rows // teams)), warps


def gemv_rows(kernel, inp, segments, thresholds=None, stride=1, kept=None, warps_per_row=None, blocks=None,
              dependent=False, form="f16", apart=False):
    rows = sum(s.outputs for s in segments)
    chosen = rows_grid(rows, form)
    warps_per_row = warps_per_row or chosen[1]
    blocks = max(blocks or chosen[0], len(segments))
    first = (i32 * 3)()
    if apart:
        before = 0
        for k, s in enumerate(segments):
            first[k] = min(max(blocks * before // rows, first[k - 1] + 1), blocks - len(segments) + k) if k else 0
            before += s.outputs
    a = GemvRowsArgs(inp, (Segment * 3)(*segments), ptr(thresholds), ptr(kept), stride, len(segments), warps_per_row,
                     int(apart), first)
    kernel.launch((blocks,), a, rows_shared(form, inp.inputs), dependent=dependent)


NARROW_INPUTS = 1536
CLUSTER_LANES = (4, 8, 16)
CLUSTER_BYTES = 40 << 20


class SparseGemvCols:
    """The variants of the columns kernel and the choice between them, as SparseGemvCols.java makes it."""

    def __init__(self, form, set="sm_90", path=None):
        self.form = form
        self.tiled = FORMS[form][0] == 4
        name = "sparse_gemv_cols." + form
        self.kernels = {"wide": Kernel(name, "sparse_gemv_cols_" + form, set=set, path=path),
                        "narrow": Kernel(name, "sparse_gemv_cols_narrow_" + form, set=set, path=path)}
        if set == "sm_90":
            for lanes in CLUSTER_LANES:
                self.kernels[lanes] = Kernel("sparse_gemv_cluster." + form, f"sparse_gemv_cluster_{lanes}_{form}", set=set)

    def tiles(self, kind, outputs):
        lanes = 4 if kind == "narrow" else 8 if self.tiled else 32 if kind == "wide" else kind
        width = lanes * FORMS[self.form][5]
        return sum(-(-n // width) for n in outputs)

    def plan(self, outputs, inputs, kind=None, splits=None):
        """The kind of kernel (wide, narrow, or a cluster's lanes) and its splits, as ColumnPlan.java chooses them."""
        groups, most = -(-inputs // 32), multiprocessors() * 3 // 2
        if kind is None and inputs > NARROW_INPUTS and not self.tiled and 4 in self.kernels:
            best = 0
            for lanes in reversed(CLUSTER_LANES):
                tiles = self.tiles(lanes, outputs)
                c = min(8, most // tiles, max(1, groups // 2))
                if c * 64 >= groups and tiles * c > best:
                    best, kind, splits = tiles * c, lanes, c
            if best < multiprocessors() // 2 or sum(
                    padded(inputs) * padded(n) for n in outputs) * FORMS[self.form][0] // 8 > CLUSTER_BYTES:
                kind = splits = None
        chosen = kind
        kind = kind or ("narrow" if inputs <= NARROW_INPUTS else "wide")
        if splits is None:
            per_sm = 3 if FORMS[self.form][0] >= 16 else 2
            splits = 1 if kind == "narrow" else min(max(1, multiprocessors() * per_sm // self.tiles(kind, outputs)), 32,
                                                    max(1, groups // (8 if self.tiled else 2)))
        splits = max(splits, -(-groups // 64))
        if chosen is None and kind == "wide" and self.tiled and 8 in self.kernels and splits <= 8 and \
                self.tiles(kind, outputs) * splits <= most:
            kind = 8
        return kind, splits

    def __call__(self, inp, segments, ws, kind=None, splits=None, dependent=False):
        outputs = [s.outputs for s in segments]
        kind, splits = self.plan(outputs, inp.inputs, kind, splits)
        tiles = self.tiles(kind, outputs)
        a = SparseGemvColsArgs(inp, (Segment * 3)(*segments), ptr(ws.partials), ptr(ws.tickets), len(segments))
        if isinstance(kind, str):
            self.kernels[kind].launch((tiles, splits), a, dependent=dependent)
        else:
            self.kernels[kind].launch((tiles * splits,), a, dependent=dependent, cluster=splits)


def ffn_gate_up(kernel, inp, gate, up, out, thresholds=None, stride=1, kept=None, gate_in=None, up_in=None,
                in_stride=0, activations=None, activation=SILU, blocks=None, dependent=False,
                gate_bias=None, up_bias=None):
    n = out.numel()
    blocks = blocks or max(rows_grid(n, up.form)[0], -(-n // 1024))
    a = FfnGateUpArgs(inp, gate.matrix() if gate else Matrix(), up.matrix(), ptr(gate_bias), ptr(up_bias),
                      ptr(activations), ptr(thresholds), ptr(gate_in), ptr(up_in), ptr(out), ptr(kept), n, stride,
                      in_stride, in_stride, activation)
    kernel.launch((blocks,), a, rows_shared(up.form, inp.inputs), dependent=dependent)
