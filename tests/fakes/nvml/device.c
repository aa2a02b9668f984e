/* A libnvidia-ml.so.1 for tests: lifecycle, devices, counters, MIG, GPM and events, as nvml.h documents them.
 * All answers come from the mapped state; -DDRIVER=470 and so on leaves out what that driver did not export. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "state.h"

State *state;
static int references;

API size_t nvmlstub_sizeof(int what) {
  const size_t sizes[] = {sizeof(State), sizeof(Gpu), sizeof(Instance), sizeof(Rule), sizeof(Process), sizeof(Accounted)};
  return sizes[what];
}

nvmlReturn_t enter(const char *function, int device) {
  if (!state || references <= 0) return UNINITIALIZED;
  __atomic_add_fetch(&state->calls, 1, __ATOMIC_RELAXED);
  for (u32 i = 0; i < state->rules; i++) {
    Rule *rule = &state->rule[i];
    if (rule->function[0] && strcmp(rule->function, function)) continue;
    if (rule->device >= 0 && rule->device != device) continue;
    if (__atomic_add_fetch(&rule->hits, 1, __ATOMIC_RELAXED) <= rule->after) continue;
    for (u64 waited = 0; waited < rule->delay_us && state->rules; waited += 5000) usleep(5000);
    if (rule->code) return rule->code;
  }
  return SUCCESS;
}

nvmlDevice_t handle(int gpu, int instance) {
  return (nvmlDevice_t)(((uintptr_t)state->inits << 16) | (uintptr_t)((gpu + 1) << 8) | (uintptr_t)(instance + 1));
}

Target target(const char *function, nvmlDevice_t device, const void *out) {
  uintptr_t value = (uintptr_t)device;
  int index = (int)(value >> 8 & 0xff) - 1, slot = (int)(value & 0xff) - 1;
  Target at = {enter(function, index), index, NULL, NULL};
  if (at.code) return at;
  if (value >> 16 != state->inits || index < 0 || (u32)index >= state->gpus || slot >= INSTANCES || !out) {
    at.code = INVALID_ARGUMENT;
    return at;
  }
  at.gpu = &state->gpu[index];
  at.instance = slot >= 0 ? &at.gpu->instance[slot] : NULL;
  if (at.instance && !at.instance->exists) at.code = INVALID_ARGUMENT; /* the instance was destroyed under its handle */
  return at;
}

nvmlReturn_t text(char *out, u32 size, const char *value) {
  if (strlen(value) + 1 > size) return INSUFFICIENT_SIZE;
  strcpy(out, value);
  return SUCCESS;
}

/* ---- lifecycle ---- */

/* Anew at each first nvmlInit, so that one process can test one state after another. */
static int map_state(void) {
  const char *path = getenv("NVMLSTUB_STATE");
  int fd = path ? open(path, O_RDWR) : -1;
  if (fd < 0) return 0;
  State *mapped = mmap(NULL, sizeof(State), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped == MAP_FAILED || mapped->magic != MAGIC) return 0;
  state = mapped;
  return 1;
}

API nvmlReturn_t nvmlInitWithFlags(u32 flags) {
  (void)flags;
  if (references == 0 && !map_state()) return DRIVER_NOT_LOADED;
  if (state->init_code) return state->init_code;
  if (references++ == 0) state->inits++;
  return SUCCESS;
}

API nvmlReturn_t nvmlShutdown(void) {
  if (references <= 0) return UNINITIALIZED;
  references--;
  return SUCCESS;
}

API const char *nvmlErrorString(nvmlReturn_t code) {
  static char message[32];
  snprintf(message, sizeof message, "stub error %d", code);
  return message;
}

API nvmlReturn_t nvmlSystemGetDriverVersion(char *out, u32 size) {
  nvmlReturn_t code = enter(__func__, -1);
  return code ? code : text(out, size, state->driver);
}

API nvmlReturn_t nvmlSystemGetNVMLVersion(char *out, u32 size) {
  nvmlReturn_t code = enter(__func__, -1);
  return code ? code : text(out, size, state->driver);
}

/* ---- who is there ---- */

API nvmlReturn_t nvmlDeviceGetCount_v2(u32 *out) {
  nvmlReturn_t code = enter(__func__, -1);
  if (!code) *out = state->gpus;
  return code;
}

API nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(u32 index, nvmlDevice_t *out) {
  nvmlReturn_t code = enter(__func__, (int)index);
  if (code) return code;
  if (index >= state->gpus) return INVALID_ARGUMENT;
  *out = handle((int)index, -1);
  return SUCCESS;
}

API nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *out, u32 size) {
  TARGET(out);
  return text(out, size, at.instance ? at.instance->uuid : at.gpu->uuid);
}

API nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *out, u32 size) {
  TARGET(out);
  return text(out, size, at.instance ? at.instance->name : at.gpu->name);
}

API nvmlReturn_t nvmlDeviceGetSerial(nvmlDevice_t device, char *out, u32 size) {
  BOARD(out);
  return at.gpu->serial[0] ? text(out, size, at.gpu->serial) : NOT_SUPPORTED;
}

typedef struct {
  char legacy[16];
  u32 domain, bus, device, device_id, subsystem_id;
  char bus_id[32];
} nvmlPciInfo_t;

API nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *out) {
  BOARD(out);
  memset(out, 0, sizeof *out);
  return text(out->bus_id, sizeof out->bus_id, at.gpu->bus);
}

/* ---- counters of a board ---- */

#define COUNTER(function, type, has, value)                   \
  API nvmlReturn_t function(nvmlDevice_t device, type *out) { \
    BOARD(out);                                               \
    if (!(has)) return NOT_SUPPORTED;                         \
    *out = value;                                             \
    return SUCCESS;                                           \
  }

COUNTER(nvmlDeviceGetMinorNumber, u32, 1, at.gpu->minor)
COUNTER(nvmlDeviceGetPersistenceMode, u32, 1, at.gpu->persistence)
COUNTER(nvmlDeviceGetPowerUsage, u32, 1, at.gpu->power_mw)
COUNTER(nvmlDeviceGetTotalEnergyConsumption, u64, at.gpu->energy, at.gpu->energy_mj)
COUNTER(nvmlDeviceGetCurrentClocksThrottleReasons, u64, 1, at.gpu->throttle)
#if DRIVER >= 535
COUNTER(nvmlDeviceGetCurrentClocksEventReasons, u64, 1, at.gpu->throttle)
#endif

API nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, u32 sensor, u32 *out) {
  BOARD(out);
  if (sensor) return INVALID_ARGUMENT;
  *out = at.gpu->temperature;
  return SUCCESS;
}

API nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t device, u32 kind, u32 counter, u64 *out) {
  BOARD(out);
  if (!at.gpu->ecc) return NOT_SUPPORTED;
  *out = kind == 1 && counter == 0 ? at.gpu->ecc_uncorrected : 0;
  return SUCCESS;
}

API nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, u32 *out) {
  BOARD(out);
  if (at.gpu->mig_mode) return NOT_SUPPORTED;
  out[0] = at.gpu->gpu_util;
  out[1] = at.gpu->memory_util;
  return SUCCESS;
}

API nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, u64 *out) {
  TARGET(out);
  u64 total = at.instance ? at.instance->total : at.gpu->total;
  u64 used = at.instance ? at.instance->used : at.gpu->used + at.gpu->reserved;
  out[0] = total, out[1] = total - used, out[2] = used;
  return SUCCESS;
}

#if DRIVER >= 510
typedef struct {
  u32 version;
  u64 total, reserved, free, used;
} nvmlMemory_v2_t;

API nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *out) {
  TARGET(out);
  if (out->version != (sizeof *out | 2u << 24)) return ARGUMENT_VERSION_MISMATCH;
  out->total = at.instance ? at.instance->total : at.gpu->total;
  out->reserved = at.instance ? 0 : at.gpu->reserved;
  out->used = at.instance ? at.instance->used : at.gpu->used;
  out->free = out->total - out->used - out->reserved;
  return SUCCESS;
}
#endif

/* ---- MIG ---- */

API nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, u32 *current, u32 *pending) {
  BOARD(current);
  if (!at.gpu->mig_capable) return NOT_SUPPORTED;
  *current = *pending = at.gpu->mig_mode;
  return SUCCESS;
}

COUNTER(nvmlDeviceGetMaxMigDeviceCount, u32, 1, at.gpu->mig_capable ? 7 : 0)

API nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, u32 index, nvmlDevice_t *out) {
  BOARD(out);
  if (!at.gpu->mig_mode) return NOT_SUPPORTED;
  if (index >= 7) return INVALID_ARGUMENT;
  if (!at.gpu->instance[index].exists) return NOT_FOUND;
  *out = handle(at.index, (int)index);
  return SUCCESS;
}

API nvmlReturn_t nvmlDeviceGetGpuInstanceId(nvmlDevice_t device, u32 *out) {
  TARGET(out);
  if (!at.instance) return NOT_SUPPORTED;
  *out = at.instance->gi;
  return SUCCESS;
}

/* ---- GPM: Hopper and newer ---- */

#if DRIVER >= 525
typedef struct {
  u64 us;
  double integral[METRICS];
} GpmSample;

typedef struct {
  u32 id;
  nvmlReturn_t code;
  double value;
  const char *name[3];
} GpmMetric;

typedef struct {
  u32 version, count;
  GpmSample *first, *second;
  GpmMetric metric[];
} GpmMetricsGet;

API nvmlReturn_t nvmlGpmQueryDeviceSupport(nvmlDevice_t device, u32 *out) {
  TARGET(out);
  if (out[0] != 1) return ARGUMENT_VERSION_MISMATCH;
  out[1] = at.gpu->gpm;
  return SUCCESS;
}

API nvmlReturn_t nvmlGpmSampleAlloc(GpmSample **out) {
  nvmlReturn_t code = enter(__func__, -1);
  if (!code) *out = calloc(1, sizeof(GpmSample));
  return code;
}

API nvmlReturn_t nvmlGpmSampleFree(GpmSample *sample) {
  free(sample);
  return SUCCESS;
}

static nvmlReturn_t sampled(GpmSample *out, u64 us, const double *integral) {
  out->us = us;
  memcpy(out->integral, integral, sizeof out->integral);
  return SUCCESS;
}

API nvmlReturn_t nvmlGpmSampleGet(nvmlDevice_t device, GpmSample *out) {
  BOARD(out);
  return at.gpu->gpm ? sampled(out, at.gpu->gpm_us, at.gpu->gpm_integral) : NOT_SUPPORTED;
}

API nvmlReturn_t nvmlGpmMigSampleGet(nvmlDevice_t device, u32 gi, GpmSample *out) {
  BOARD(out);
  if (!at.gpu->gpm) return NOT_SUPPORTED;
  for (int i = 0; i < INSTANCES; i++) {
    Instance *instance = &at.gpu->instance[i];
    if (instance->exists && instance->gi == gi) return sampled(out, instance->gpm_us, instance->gpm);
  }
  return INVALID_ARGUMENT;
}

API nvmlReturn_t nvmlGpmMetricsGet(GpmMetricsGet *get) {
  nvmlReturn_t code = enter(__func__, -1);
  if (code) return code;
  if (get->version != 1) return ARGUMENT_VERSION_MISMATCH;
  if (get->second->us <= get->first->us) return INVALID_ARGUMENT;
  for (u32 i = 0; i < get->count; i++) {
    GpmMetric *metric = &get->metric[i];
    metric->code = metric->id < METRICS ? SUCCESS : NOT_SUPPORTED;
    if (metric->code) continue;
    metric->value = get->second->integral[metric->id] - get->first->integral[metric->id];
    metric->value /= (double)(get->second->us - get->first->us);
  }
  return SUCCESS;
}
#endif

/* ---- events: what came before an event set was made is not delivered to it ---- */

typedef struct {
  u64 mask;
  u32 next, devices;
} EventSet;

typedef struct {
  nvmlDevice_t device;
  u64 type, data;
  u32 gi, ci;
} EventData;

API nvmlReturn_t nvmlEventSetCreate(EventSet **out) {
  nvmlReturn_t code = enter(__func__, -1);
  if (code) return code;
  *out = calloc(1, sizeof(EventSet));
  (*out)->next = state->events;
  return SUCCESS;
}

API nvmlReturn_t nvmlEventSetFree(EventSet *set) {
  free(set);
  return SUCCESS;
}

API nvmlReturn_t nvmlDeviceRegisterEvents(nvmlDevice_t device, u64 mask, EventSet *set) {
  BOARD(set);
  set->mask |= mask;
  set->devices |= 1u << at.index;
  return SUCCESS;
}

API nvmlReturn_t nvmlEventSetWait_v2(EventSet *set, EventData *out, u32 timeout_ms) {
  nvmlReturn_t code = enter(__func__, -1);
  if (code) return code;
  /* In steps that cost little: a real driver blocks, and what waiting costs is measured. */
  for (u32 waited = 0;; waited += 100) {
    while (set->next < state->events) {
      Event *event = &state->event[set->next++ % EVENTS];
      if (!(event->type & set->mask) || !(set->devices >> event->device & 1)) continue;
      *out = (EventData){handle((int)event->device, -1), event->type, event->data, ~0u, ~0u};
      return SUCCESS;
    }
    if (waited >= timeout_ms) return TIMEOUT;
    usleep(100000);
  }
}
