/*
 * A libcuda.so.1 for tests: every call that Gambit's drivers make, on the processor's own memory. It writes down each call
 * with its arguments, knows which handles are alive, can be told to fail, and runs three kernels, so that what arrives
 * through a binding is seen in the results. Structs are laid out here anew, from CUDA's documentation, not from a header.
 *
 * Control, for the tests: stub_reset, stub_fail, stub_set, stub_log, stub_live.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int CUresult;
typedef int CUdevice;
typedef unsigned long long CUdeviceptr;
typedef struct { char bytes[16]; } CUuuid;

enum { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, INVALID_DEVICE = 101, INVALID_CONTEXT = 201,
       INVALID_PTX = 218, UNSUPPORTED_PTX = 222, INVALID_HANDLE = 400, ILLEGAL_STATE = 401, NOT_FOUND = 500,
       NOT_READY = 600 };

/* ---- what the tests control */

static char log_text[1 << 20];
static size_t log_used;
static char fail_call[64];
static int fail_at, fail_code, fail_seen;
static int driver_version = 12020, device_count = 2, initialized;
static long long total_memory = 1LL << 30, used_memory;
static int live_handles, live_allocations, live_host, live_registered, retained[8];

void stub_reset(void) {
    log_used = 0;
    log_text[0] = 0;
    fail_call[0] = 0;
    driver_version = 12020;
    device_count = 2;
    total_memory = 1LL << 30;
}

/* The at-th call of that name from now on, counted from 1, returns the code and does nothing. */
void stub_fail(const char *call, int at, int code) {
    snprintf(fail_call, sizeof fail_call, "%s", call);
    fail_at = at;
    fail_code = code;
    fail_seen = 0;
}

void stub_set(const char *name, long long value) {
    if (!strcmp(name, "driver_version")) driver_version = (int) value;
    if (!strcmp(name, "device_count")) device_count = (int) value;
    if (!strcmp(name, "total_memory")) total_memory = value;
}

const char *stub_log(void) { return log_text; }

/* Everything that was made and not released: handles, device memory, host memory, registrations, contexts. */
int stub_live(void) {
    int contexts = 0;
    for (int i = 0; i < 8; i++) contexts += retained[i];
    return live_handles + live_allocations + live_host + live_registered + contexts;
}

static CUresult enter(const char *call, const char *format, ...) {
    va_list args;
    size_t room = sizeof log_text - log_used;
    int n = snprintf(log_text + log_used, room, "%s(", call);
    if (n > 0 && (size_t) n < room) {
        va_start(args, format);
        int m = vsnprintf(log_text + log_used + n, room - n, format, args);
        va_end(args);
        if (m >= 0 && (size_t) (n + m) + 3 < room) {
            log_used += n + m;
            log_text[log_used++] = ')';
            log_text[log_used++] = '\n';
            log_text[log_used] = 0;
        }
    }
    if (!strcmp(call, fail_call) && ++fail_seen == fail_at) return fail_code;
    return SUCCESS;
}

#define ENTER(...) do { CUresult entered = enter(__func__, __VA_ARGS__); if (entered) return entered; } while (0)

/* ---- handles: each begins with its kind, so that a wrong or released one is noticed */

enum kind { CONTEXT = 0x51, MODULE, FUNCTION, STREAM, EVENT, GRAPH, EXEC };

struct operation {
    int type; /* 0 kernel, 1 copy, 2 bytes, 3 words */
    const struct function *function;
    unsigned grid[3], block[3];
    unsigned char values[8][16];
    void *target;
    const void *source;
    size_t count;
    unsigned value;
};

struct handle { int kind; };
struct context { int kind; int device; };
struct function { int kind; char name[32]; int max_shared; };
struct module { int kind; struct function functions[3]; float global[4]; };
struct stream { int kind; int flags; struct graph *capture; };
struct event { int kind; int flags; int recorded; float time; };
struct graph { int kind; int count; struct operation operations[64]; };

static struct context contexts[8];
static _Thread_local struct context *current;
static float now;

static int is(const void *handle, int kind) { return handle && ((const struct handle *) handle)->kind == kind; }

static void *made(size_t size, int kind) {
    struct handle *h = calloc(1, size);
    h->kind = kind;
    live_handles++;
    return h;
}

static void gone(void *handle) {
    ((struct handle *) handle)->kind = 0;
    live_handles--;
    /* not freed: a later use is then seen */
}

#define NEED_CONTEXT() do { if (!initialized) return NOT_INITIALIZED; \
    if (!current || !retained[current->device]) return INVALID_CONTEXT; } while (0)
#define NEED(handle, kind) do { if (!is(handle, kind)) return INVALID_HANDLE; } while (0)

/* ---- errors, start, devices */

static const struct { int code; const char *name, *text; } errors[] = {
    {0, "CUDA_SUCCESS", "no error"},
    {1, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {3, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {4, "CUDA_ERROR_DEINITIALIZED", "driver shutting down"},
    {100, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {101, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {201, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {218, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the provided PTX was compiled with an unsupported toolchain."},
    {400, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {401, "CUDA_ERROR_ILLEGAL_STATE", "the operation cannot be performed in the present state"},
    {500, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {600, "CUDA_ERROR_NOT_READY", "device not ready"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination"},
};

static CUresult error_text(int code, const char **out, int name) {
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (errors[i].code == code) {
            *out = name ? errors[i].name : errors[i].text;
            return SUCCESS;
        }
    }
    *out = NULL;
    return INVALID_VALUE;
}

CUresult cuGetErrorName(int code, const char **out) {
    ENTER("%d", code);
    return error_text(code, out, 1);
}

CUresult cuGetErrorString(int code, const char **out) {
    ENTER("%d", code);
    return error_text(code, out, 0);
}

CUresult cuInit(unsigned flags) {
    ENTER("%u", flags);
    initialized = 1;
    return SUCCESS;
}

CUresult cuDriverGetVersion(int *out) {
    ENTER("");
    *out = driver_version;
    return SUCCESS;
}

CUresult cuDeviceGetCount(int *out) {
    ENTER("");
    *out = device_count;
    return SUCCESS;
}

CUresult cuDeviceGet(CUdevice *out, int ordinal) {
    ENTER("%d", ordinal);
    if (ordinal < 0 || ordinal >= device_count) return INVALID_DEVICE;
    *out = ordinal + 3; /* not the ordinal: who mixes them up is noticed */
    return SUCCESS;
}

static int valid(CUdevice device) { return device >= 3 && device < 3 + device_count; }

CUresult cuDeviceGetName(char *out, int length, CUdevice device) {
    ENTER("%d, %d", length, device);
    if (!valid(device)) return INVALID_DEVICE;
    snprintf(out, length, "Stub GPU %d", device - 3);
    return SUCCESS;
}

static CUresult uuid_of(CUuuid *out, CUdevice device) {
    if (!valid(device)) return INVALID_DEVICE;
    for (int i = 0; i < 16; i++) out->bytes[i] = (char) (0x10 * (device - 3) + i);
    return SUCCESS;
}

CUresult cuDeviceGetUuid(CUuuid *out, CUdevice device) {
    ENTER("%d", device);
    return uuid_of(out, device);
}

CUresult cuDeviceGetUuid_v2(CUuuid *out, CUdevice device) {
    ENTER("%d", device);
    return uuid_of(out, device);
}

CUresult cuDeviceTotalMem_v2(size_t *out, CUdevice device) {
    ENTER("%d", device);
    if (!valid(device)) return INVALID_DEVICE;
    *out = 64LL << 30;
    return SUCCESS;
}

CUresult cuDeviceGetAttribute(int *out, int attribute, CUdevice device) {
    ENTER("%d, %d", attribute, device);
    if (!valid(device)) return INVALID_DEVICE;
    switch (attribute) {
    case 16: *out = 16; break;
    case 36: *out = 3200000; break; /* kHz; with 256 bits and two transfers the 204.8 GB/s of an Orin */
    case 37: *out = 256; break;
    case 75: *out = 8; break;
    case 76: *out = 7; break;
    case 97: *out = 163 * 1024; break;
    default: *out = attribute * 10 + device; break;
    }
    return SUCCESS;
}

/* ---- contexts */

CUresult cuDevicePrimaryCtxRetain(void **out, CUdevice device) {
    ENTER("%d", device);
    if (!valid(device)) return INVALID_DEVICE;
    struct context *c = &contexts[device];
    c->kind = CONTEXT;
    c->device = device;
    retained[device]++;
    *out = c;
    return SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
    ENTER("%d", device);
    if (!valid(device) || retained[device] == 0) return INVALID_CONTEXT;
    retained[device]--;
    return SUCCESS;
}

CUresult cuCtxSetCurrent(void *context) {
    ENTER("%s", context ? "context" : "null");
    if (context) NEED(context, CONTEXT);
    current = context;
    return SUCCESS;
}

CUresult cuCtxSynchronize(void) {
    ENTER("");
    NEED_CONTEXT();
    return SUCCESS;
}

/* ---- modules: any text with a version and an entry is a module with three kernels and a variable */

CUresult cuModuleLoadDataEx(void **out, const void *image, unsigned count, const int *options, void **values) {
    const char *text = image;
    char *error_log = NULL;
    size_t room = 0;
    ENTER("%zu bytes, %u options", strlen(text), count);
    NEED_CONTEXT();
    for (unsigned i = 0; i < count; i++) {
        if (options[i] == 5) error_log = values[i];
        if (options[i] == 6) room = (size_t) values[i];
    }
    if (!strstr(text, ".version")) {
        if (error_log) snprintf(error_log, room, "ptxas application ptx input, line 1; fatal : Missing .version directive");
        return INVALID_PTX;
    }
    if (strstr(text, ".version 99")) return UNSUPPORTED_PTX;
    struct module *m = made(sizeof *m, MODULE);
    static const char *names[] = {"axpy", "store", "reverse"};
    for (int i = 0; i < 3; i++) {
        m->functions[i].kind = FUNCTION;
        strcpy(m->functions[i].name, names[i]);
        m->functions[i].max_shared = 48 * 1024;
    }
    *out = m;
    return SUCCESS;
}

CUresult cuModuleUnload(void *module) {
    ENTER("");
    NEED_CONTEXT();
    NEED(module, MODULE);
    gone(module);
    return SUCCESS;
}

CUresult cuModuleGetFunction(void **out, void *module, const char *name) {
    ENTER("%s", name);
    NEED_CONTEXT();
    NEED(module, MODULE);
    struct module *m = module;
    for (int i = 0; i < 3; i++) {
        if (!strcmp(m->functions[i].name, name)) {
            *out = &m->functions[i];
            return SUCCESS;
        }
    }
    return NOT_FOUND;
}

CUresult cuModuleGetGlobal_v2(CUdeviceptr *out, size_t *bytes, void *module, const char *name) {
    ENTER("%s", name);
    NEED_CONTEXT();
    NEED(module, MODULE);
    if (strcmp(name, "table")) return NOT_FOUND;
    *out = (CUdeviceptr) (uintptr_t) ((struct module *) module)->global;
    *bytes = sizeof ((struct module *) module)->global;
    return SUCCESS;
}

CUresult cuFuncGetAttribute(int *out, int attribute, void *function) {
    ENTER("%d", attribute);
    NEED(function, FUNCTION);
    *out = attribute == 8 ? ((struct function *) function)->max_shared : 100 + attribute;
    return SUCCESS;
}

CUresult cuFuncSetAttribute(void *function, int attribute, int value) {
    ENTER("%d, %d", attribute, value);
    NEED(function, FUNCTION);
    if (attribute != 8) return INVALID_VALUE;
    ((struct function *) function)->max_shared = value;
    return SUCCESS;
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *out, void *function, int threads, size_t shared) {
    ENTER("%d, %zu", threads, shared);
    NEED(function, FUNCTION);
    *out = 1536 / threads;
    return SUCCESS;
}

/* ---- memory: 32 bytes in front of an allocation say how long it is */

CUresult cuMemAlloc_v2(CUdeviceptr *out, size_t bytes) {
    ENTER("%zu", bytes);
    NEED_CONTEXT();
    if (bytes == 0) return INVALID_VALUE;
    if (used_memory + (long long) bytes > total_memory) return OUT_OF_MEMORY;
    char *p = aligned_alloc(256, (bytes + 511) / 256 * 256);
    if (!p) return OUT_OF_MEMORY;
    memcpy(p, &bytes, sizeof bytes);
    memset(p + 256, 0xa5, bytes);
    used_memory += bytes;
    live_allocations++;
    *out = (CUdeviceptr) (uintptr_t) (p + 256);
    return SUCCESS;
}

CUresult cuMemFree_v2(CUdeviceptr address) {
    ENTER("");
    NEED_CONTEXT();
    if (!address) return INVALID_VALUE;
    char *p = (char *) (uintptr_t) address - 256;
    size_t bytes;
    memcpy(&bytes, p, sizeof bytes);
    used_memory -= bytes;
    live_allocations--;
    free(p);
    return SUCCESS;
}

CUresult cuMemGetInfo_v2(size_t *available, size_t *total) {
    ENTER("");
    NEED_CONTEXT();
    *available = total_memory - used_memory;
    *total = total_memory;
    return SUCCESS;
}

CUresult cuMemHostAlloc(void **out, size_t bytes, unsigned flags) {
    ENTER("%zu, %u", bytes, flags);
    NEED_CONTEXT();
    *out = calloc(1, bytes);
    live_host++;
    return *out ? SUCCESS : OUT_OF_MEMORY;
}

CUresult cuMemFreeHost(void *p) {
    ENTER("");
    NEED_CONTEXT();
    free(p);
    live_host--;
    return SUCCESS;
}

CUresult cuMemHostRegister_v2(void *p, size_t bytes, unsigned flags) {
    ENTER("%zu, %u", bytes, flags);
    NEED_CONTEXT();
    if (!p) return INVALID_VALUE;
    live_registered++;
    return SUCCESS;
}

CUresult cuMemHostUnregister(void *p) {
    ENTER("");
    NEED_CONTEXT();
    if (!p) return INVALID_VALUE;
    live_registered--;
    return SUCCESS;
}

CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr *out, void *p, unsigned flags) {
    ENTER("%u", flags);
    *out = (CUdeviceptr) (uintptr_t) p;
    return SUCCESS;
}

/* ---- work: done at once, or collected while its stream is captured */

static void run(const struct operation *o) {
    if (o->type == 1) memcpy(o->target, o->source, o->count);
    if (o->type == 2) memset(o->target, (int) o->value, o->count);
    if (o->type == 3) for (size_t i = 0; i < o->count; i++) ((unsigned *) o->target)[i] = o->value;
    if (o->type != 0) return;
    unsigned threads = o->grid[0] * o->grid[1] * o->grid[2] * o->block[0] * o->block[1] * o->block[2];
    if (!strcmp(o->function->name, "axpy")) { /* (float *y, const float *x, float a, int n) */
        float *y, *x, a;
        int n;
        memcpy(&y, o->values[0], 8);
        memcpy(&x, o->values[1], 8);
        memcpy(&a, o->values[2], 4);
        memcpy(&n, o->values[3], 4);
        for (int i = 0; i < n && (unsigned) i < threads; i++) y[i] += a * x[i];
    } else if (!strcmp(o->function->name, "store")) { /* (long long *out, long long value, double d, struct {int a, b; long long c;}) */
        long long *out, value;
        double d;
        struct { int a, b; long long c; } s;
        memcpy(&out, o->values[0], 8);
        memcpy(&value, o->values[1], 8);
        memcpy(&d, o->values[2], 8);
        memcpy(&s, o->values[3], 16);
        out[0] = value;
        out[1] = (long long) (d * 1000);
        out[2] = s.a;
        out[3] = s.b;
        out[4] = s.c;
    }
}

static CUresult put(struct stream *s, const struct operation *o) {
    NEED(s, STREAM);
    now += 0.5f;
    if (!s->capture) run(o);
    else if (s->capture->count < 64) s->capture->operations[s->capture->count++] = *o;
    return SUCCESS;
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr target, const void *source, size_t bytes) {
    ENTER("%zu", bytes);
    NEED_CONTEXT();
    memcpy((void *) (uintptr_t) target, source, bytes);
    return SUCCESS;
}

CUresult cuMemcpyDtoH_v2(void *target, CUdeviceptr source, size_t bytes) {
    ENTER("%zu", bytes);
    NEED_CONTEXT();
    memcpy(target, (void *) (uintptr_t) source, bytes);
    return SUCCESS;
}

static CUresult copy(void *target, const void *source, size_t bytes, void *stream) {
    struct operation o = {.type = 1, .target = target, .source = source, .count = bytes};
    return put(stream, &o);
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr target, const void *source, size_t bytes, void *stream) {
    ENTER("%zu", bytes);
    NEED_CONTEXT();
    return copy((void *) (uintptr_t) target, source, bytes, stream);
}

CUresult cuMemcpyDtoHAsync_v2(void *target, CUdeviceptr source, size_t bytes, void *stream) {
    ENTER("%zu", bytes);
    NEED_CONTEXT();
    return copy(target, (void *) (uintptr_t) source, bytes, stream);
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr target, CUdeviceptr source, size_t bytes, void *stream) {
    ENTER("%zu", bytes);
    NEED_CONTEXT();
    return copy((void *) (uintptr_t) target, (void *) (uintptr_t) source, bytes, stream);
}

CUresult cuMemsetD8Async(CUdeviceptr target, unsigned char value, size_t count, void *stream) {
    ENTER("%u, %zu", value, count);
    NEED_CONTEXT();
    struct operation o = {.type = 2, .target = (void *) (uintptr_t) target, .value = value, .count = count};
    return put(stream, &o);
}

CUresult cuMemsetD32Async(CUdeviceptr target, unsigned value, size_t count, void *stream) {
    ENTER("%u, %zu", value, count);
    NEED_CONTEXT();
    struct operation o = {.type = 3, .target = (void *) (uintptr_t) target, .value = value, .count = count};
    return put(stream, &o);
}

static CUresult launch(const struct function *f, const unsigned *grid, const unsigned *block, unsigned shared,
                       void *stream, void **values) {
    NEED(f, FUNCTION);
    if (shared > (unsigned) f->max_shared || block[0] * block[1] * block[2] > 1024) return INVALID_VALUE;
    struct operation o = {.type = 0, .function = f};
    memcpy(o.grid, grid, sizeof o.grid);
    memcpy(o.block, block, sizeof o.block);
    static const size_t axpy[] = {8, 8, 4, 4}, store[] = {8, 8, 8, 16};
    const size_t *sizes = !strcmp(f->name, "axpy") ? axpy : !strcmp(f->name, "store") ? store : NULL;
    for (int i = 0; sizes && i < 4; i++) memcpy(o.values[i], values[i], sizes[i]);
    return put(stream, &o);
}

CUresult cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                        unsigned shared, void *stream, void **values, void **extra) {
    ENTER("%u, %u, %u, %u, %u, %u, %u, %s", gx, gy, gz, bx, by, bz, shared, extra ? "extra" : "null");
    NEED_CONTEXT();
    return launch(function, (unsigned[]) {gx, gy, gz}, (unsigned[]) {bx, by, bz}, shared, stream, values);
}

struct attribute { int id; int pad; union { char bytes[64]; int allowed; struct { unsigned x, y, z; } cluster; } value; };
struct config { unsigned grid[3], block[3], shared; void *stream; struct attribute *attributes; unsigned count; };

CUresult cuLaunchKernelEx(const struct config *c, void *function, void **values, void **extra) {
    char text[256] = "";
    for (unsigned i = 0; i < c->count; i++) {
        const struct attribute *a = &c->attributes[i];
        size_t n = strlen(text);
        if (a->id == 4) snprintf(text + n, sizeof text - n, ", cluster %ux%ux%u", a->value.cluster.x, a->value.cluster.y, a->value.cluster.z);
        else if (a->id == 6) snprintf(text + n, sizeof text - n, ", dependent %d", a->value.allowed);
        else snprintf(text + n, sizeof text - n, ", attribute %d", a->id);
    }
    ENTER("%u, %u, %u, %u, %u, %u, %u%s, %s", c->grid[0], c->grid[1], c->grid[2], c->block[0], c->block[1], c->block[2],
          c->shared, text, extra ? "extra" : "null");
    NEED_CONTEXT();
    return launch(function, c->grid, c->block, c->shared, c->stream, values);
}

/* ---- streams and events */

CUresult cuStreamCreate(void **out, unsigned flags) {
    ENTER("%u", flags);
    NEED_CONTEXT();
    struct stream *s = made(sizeof *s, STREAM);
    s->flags = (int) flags;
    *out = s;
    return SUCCESS;
}

CUresult cuStreamDestroy_v2(void *stream) {
    ENTER("");
    NEED_CONTEXT();
    NEED(stream, STREAM);
    gone(stream);
    return SUCCESS;
}

CUresult cuStreamSynchronize(void *stream) {
    ENTER("");
    NEED_CONTEXT();
    if (stream) {
        NEED(stream, STREAM);
    }
    return SUCCESS;
}

CUresult cuStreamQuery(void *stream) {
    ENTER("");
    NEED_CONTEXT();
    NEED(stream, STREAM);
    return SUCCESS;
}

CUresult cuStreamWaitEvent(void *stream, void *event, unsigned flags) {
    ENTER("%u", flags);
    NEED_CONTEXT();
    NEED(stream, STREAM);
    NEED(event, EVENT);
    return SUCCESS;
}

CUresult cuEventCreate(void **out, unsigned flags) {
    ENTER("%u", flags);
    NEED_CONTEXT();
    struct event *e = made(sizeof *e, EVENT);
    e->flags = (int) flags;
    *out = e;
    return SUCCESS;
}

CUresult cuEventDestroy_v2(void *event) {
    ENTER("");
    NEED_CONTEXT();
    NEED(event, EVENT);
    gone(event);
    return SUCCESS;
}

CUresult cuEventRecord(void *event, void *stream) {
    ENTER("");
    NEED_CONTEXT();
    NEED(event, EVENT);
    NEED(stream, STREAM);
    struct event *e = event;
    e->recorded = 1;
    e->time = now;
    return SUCCESS;
}

CUresult cuEventSynchronize(void *event) {
    ENTER("");
    NEED_CONTEXT();
    NEED(event, EVENT);
    return SUCCESS;
}

CUresult cuEventQuery(void *event) {
    ENTER("");
    NEED_CONTEXT();
    NEED(event, EVENT);
    return SUCCESS;
}

CUresult cuEventElapsedTime(float *out, void *start, void *end) {
    ENTER("");
    NEED(start, EVENT);
    NEED(end, EVENT);
    struct event *a = start, *b = end;
    if (!a->recorded || !b->recorded || (a->flags & 2) || (b->flags & 2)) return INVALID_HANDLE;
    *out = b->time - a->time;
    return SUCCESS;
}

/* ---- graphs */

CUresult cuStreamBeginCapture_v2(void *stream, int mode) {
    ENTER("%d", mode);
    NEED_CONTEXT();
    NEED(stream, STREAM);
    struct stream *s = stream;
    if (s->capture) return ILLEGAL_STATE;
    s->capture = made(sizeof *s->capture, GRAPH);
    return SUCCESS;
}

CUresult cuStreamEndCapture(void *stream, void **out) {
    ENTER("");
    NEED_CONTEXT();
    NEED(stream, STREAM);
    struct stream *s = stream;
    if (!s->capture) return ILLEGAL_STATE;
    *out = s->capture;
    s->capture = NULL;
    return SUCCESS;
}

CUresult cuGraphGetNodes(void *graph, void **nodes, size_t *count) {
    ENTER("%s", nodes ? "nodes" : "null");
    NEED(graph, GRAPH);
    *count = ((struct graph *) graph)->count;
    return SUCCESS;
}

CUresult cuGraphInstantiateWithFlags(void **out, void *graph, unsigned long long flags) {
    ENTER("%llu", flags);
    NEED_CONTEXT();
    NEED(graph, GRAPH);
    struct graph *exec = made(sizeof *exec, EXEC);
    exec->count = ((struct graph *) graph)->count;
    memcpy(exec->operations, ((struct graph *) graph)->operations, sizeof exec->operations);
    *out = exec;
    return SUCCESS;
}

CUresult cuGraphUpload(void *exec, void *stream) {
    ENTER("");
    NEED_CONTEXT();
    NEED(exec, EXEC);
    NEED(stream, STREAM);
    return SUCCESS;
}

CUresult cuGraphLaunch(void *exec, void *stream) {
    ENTER("");
    NEED_CONTEXT();
    NEED(exec, EXEC);
    NEED(stream, STREAM);
    struct graph *g = exec;
    for (int i = 0; i < g->count; i++) run(&g->operations[i]);
    return SUCCESS;
}

CUresult cuGraphExecDestroy(void *exec) {
    ENTER("");
    NEED(exec, EXEC);
    gone(exec);
    return SUCCESS;
}

CUresult cuGraphDestroy(void *graph) {
    ENTER("");
    NEED(graph, GRAPH);
    gone(graph);
    return SUCCESS;
}
