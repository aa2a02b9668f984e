/* The state that a test commands and the stub answers from: one file, mapped by both sides.
 * tests/fakes/nvml/stub.py holds the same layout in ctypes; nvmlstub_sizeof() lets it notice a drift. */
#ifndef NVMLSTUB_STATE_H
#define NVMLSTUB_STATE_H
#include <stddef.h>
#include <stdint.h>

#ifndef DRIVER
#define DRIVER 590
#endif

#define API __attribute__((visibility("default")))
#define MAGIC 0x4e564d4c53545542ull

typedef uint32_t u32;
typedef uint64_t u64;
typedef int nvmlReturn_t;
typedef void *nvmlDevice_t;

enum { GPUS = 16, PROCESSES = 64, SAMPLES = 256, ACCOUNTED = 128, INSTANCES = 8, RULES = 32, EVENTS = 64, METRICS = 64 };

/* nvmlReturn_t of nvml.h */
enum {
  SUCCESS = 0,
  UNINITIALIZED = 1,
  INVALID_ARGUMENT = 2,
  NOT_SUPPORTED = 3,
  NO_PERMISSION = 4,
  NOT_FOUND = 6,
  INSUFFICIENT_SIZE = 7,
  DRIVER_NOT_LOADED = 9,
  TIMEOUT = 10,
  ARGUMENT_VERSION_MISMATCH = 25,
};

typedef struct {
  u32 pid, kind, gi, ci; /* kind: 0 compute, 1 graphics, 2 MPS client */
  u64 memory;
} Process;

typedef struct {
  u64 timestamp_us;
  u32 pid, sm;
} ProcessSample;

typedef struct {
  u64 timestamp_us;
  u32 value, pad;
} Sample;

typedef struct {
  u32 pid, running, gpu, memory, samples, pad;
  u64 max_memory, time_ms, start_us, sum_gpu;
} Accounted;

typedef struct {
  u32 exists, gi, ci, pad;
  u64 total, used, gpm_us;
  double gpm[METRICS]; /* integral of each metric over gpm_us, in % x us */
  char uuid[96], name[96];
} Instance;

typedef struct {
  char uuid[96], name[96], bus[32], serial[32];
  u32 minor, persistence, gpu_util, memory_util, power_mw, temperature;
  u32 mig_capable, mig_mode, accounting_mode, gpm, energy, ecc;
  u32 processes, process_samples, samples, accounted, recovery_action;
  u64 energy_mj, total, reserved, used, throttle, ecc_uncorrected, gpm_us;
  double gpm_integral[METRICS];
  Process process[PROCESSES];
  ProcessSample process_sample[SAMPLES];
  Sample sample[SAMPLES];
  Accounted account[ACCOUNTED];
  Instance instance[INSTANCES];
} Gpu;

/* The next calls of `function` ("" is any) on GPU `device` (-1 is any) after `after` good ones: wait, then fail. */
typedef struct {
  char function[64];
  int32_t device, code;
  u64 after, hits, delay_us;
} Rule;

typedef struct {
  u32 device, pad;
  u64 type, data;
} Event;

typedef struct {
  u64 magic, calls;
  u32 gpus, rules, events, inits;
  int32_t init_code, accounting_code;
  char driver[80];
  Rule rule[RULES];
  Event event[EVENTS];
  Gpu gpu[GPUS];
} State;

extern State *state;

/* A handle is GPU i (1 + i << 8) or MIG instance j of it (plus 1 + j), of the generation of nvmlInit it came from. */
typedef struct {
  nvmlReturn_t code;
  int index;
  Gpu *gpu;
  Instance *instance;
} Target;

nvmlReturn_t enter(const char *function, int device);
Target target(const char *function, nvmlDevice_t device, const void *out);
nvmlDevice_t handle(int gpu, int instance);
nvmlReturn_t text(char *out, u32 size, const char *value);

#define TARGET(out)                          \
  Target at = target(__func__, device, out); \
  if (at.code) return at.code
#define BOARD(out) \
  TARGET(out);     \
  if (at.instance) return NOT_SUPPORTED
#endif
