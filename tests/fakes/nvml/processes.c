/* A libnvidia-ml.so.1 for tests: who is on a device, samples of utilization, accounting, field values. */
#include "state.h"

typedef struct {
  u32 pid;
  u64 memory;
  u32 gi, ci;
} nvmlProcessInfo_v2_t;

static nvmlReturn_t list(Target at, u32 kind, u32 *count, nvmlProcessInfo_v2_t *out) {
  u32 found = 0, room = *count;
  for (u32 i = 0; i < at.gpu->processes; i++) {
    Process *process = &at.gpu->process[i];
    if (process->kind != kind) continue;
    if (at.instance && (process->gi != at.instance->gi || process->ci != at.instance->ci)) continue;
    if (out && found < room) out[found] = (nvmlProcessInfo_v2_t){process->pid, process->memory, process->gi, process->ci};
    found++;
  }
  *count = found;
  return found > room ? INSUFFICIENT_SIZE : SUCCESS;
}

#define LIST(function, kind)                                                                    \
  API nvmlReturn_t function(nvmlDevice_t device, u32 *count, nvmlProcessInfo_v2_t *out) { \
    TARGET(count);                                                                              \
    return list(at, kind, count, out);                                                          \
  }

LIST(nvmlDeviceGetComputeRunningProcesses_v2, 0)
LIST(nvmlDeviceGetGraphicsRunningProcesses_v2, 1)
LIST(nvmlDeviceGetMPSComputeRunningProcesses_v2, 2)
#if DRIVER >= 510
LIST(nvmlDeviceGetComputeRunningProcesses_v3, 0)
LIST(nvmlDeviceGetGraphicsRunningProcesses_v3, 1)
LIST(nvmlDeviceGetMPSComputeRunningProcesses_v3, 2)
#endif

typedef struct {
  u32 pid;
  u64 timestamp_us;
  u32 sm, memory, encoder, decoder;
} nvmlProcessUtilizationSample_t;

API nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t device, nvmlProcessUtilizationSample_t *out, u32 *count,
                                                 u64 since_us) {
  BOARD(count);
  if (at.gpu->mig_mode) return NOT_SUPPORTED;
  u32 found = 0, room = out ? *count : 0;
  for (u32 i = 0; i < at.gpu->process_samples; i++) {
    ProcessSample *sample = &at.gpu->process_sample[i];
    if (sample->timestamp_us <= since_us) continue;
    if (found < room) out[found] = (nvmlProcessUtilizationSample_t){sample->pid, sample->timestamp_us, sample->sm, 0, 0, 0};
    found++;
  }
  if (!found) return NOT_FOUND;
  *count = found;
  return found > room ? INSUFFICIENT_SIZE : SUCCESS;
}

typedef struct {
  u64 timestamp_us, value;
} nvmlSample_t;

API nvmlReturn_t nvmlDeviceGetSamples(nvmlDevice_t device, u32 type, u64 since_us, u32 *value_type, u32 *count,
                                      nvmlSample_t *out) {
  BOARD(count);
  if (at.gpu->mig_mode || type != 1) return NOT_SUPPORTED;
  u32 found = 0, room = *count;
  *value_type = 1; /* NVML_VALUE_TYPE_UNSIGNED_INT */
  for (u32 i = 0; i < at.gpu->samples; i++) {
    Sample *sample = &at.gpu->sample[i];
    if (sample->timestamp_us <= since_us) continue;
    if (out && found < room) out[found] = (nvmlSample_t){sample->timestamp_us, sample->value};
    found++;
  }
  if (!found) return NOT_FOUND;
  *count = out && found > room ? room : found;
  return SUCCESS;
}

/* ---- accounting ---- */

API nvmlReturn_t nvmlDeviceGetAccountingMode(nvmlDevice_t device, u32 *out) {
  BOARD(out);
  *out = at.gpu->accounting_mode;
  return SUCCESS;
}

API nvmlReturn_t nvmlDeviceSetAccountingMode(nvmlDevice_t device, u32 mode) {
  BOARD(device);
  if (state->accounting_code) return state->accounting_code;
  if (at.gpu->mig_mode) return NOT_SUPPORTED;
  at.gpu->accounting_mode = mode;
  if (!mode) at.gpu->accounted = 0;
  return SUCCESS;
}

API nvmlReturn_t nvmlDeviceGetAccountingPids(nvmlDevice_t device, u32 *count, u32 *out) {
  BOARD(count);
  if (!at.gpu->accounting_mode) return NOT_SUPPORTED;
  u32 room = *count;
  *count = at.gpu->accounted;
  if (room < *count) return INSUFFICIENT_SIZE;
  for (u32 i = 0; i < *count; i++) out[i] = at.gpu->account[i].pid;
  return SUCCESS;
}

/* On a collision of pids the one that came last is told, as nvml.h says. */
static Accounted *accounted(Gpu *gpu, u32 pid) {
  for (u32 i = gpu->accounted; i-- > 0;)
    if (gpu->account[i].pid == pid) return &gpu->account[i];
  return NULL;
}

typedef struct {
  u32 gpu, memory;
  u64 max_memory, time_ms, start_us;
  u32 running, reserved[5];
} nvmlAccountingStats_t;

API nvmlReturn_t nvmlDeviceGetAccountingStats(nvmlDevice_t device, u32 pid, nvmlAccountingStats_t *out) {
  BOARD(out);
  if (!at.gpu->accounting_mode) return NOT_SUPPORTED;
  Accounted *a = accounted(at.gpu, pid);
  if (!a) return NOT_FOUND;
  u64 time_ms = a->running ? 0 : a->time_ms;
  *out = (nvmlAccountingStats_t){a->gpu, a->memory, a->max_memory, time_ms, a->start_us, a->running, {0}};
  return SUCCESS;
}

#if DRIVER >= 610
typedef struct {
  u32 pid, running, gpu, memory;
  u64 max_memory;
  u32 samples;
  u64 sum_gpu, sum_memory, time_ms, start_us;
} nvmlAccountingStats_v2_t;

API nvmlReturn_t nvmlDeviceGetAccountingStats_v2(nvmlDevice_t device, nvmlAccountingStats_v2_t *out) {
  BOARD(out);
  if (!at.gpu->accounting_mode) return NOT_SUPPORTED;
  Accounted *a = accounted(at.gpu, out->pid);
  if (!a) return NOT_FOUND;
  u64 time_ms = a->running ? 0 : a->time_ms;
  *out = (nvmlAccountingStats_v2_t){a->pid,     a->running, a->gpu,  a->memory, a->max_memory,
                                    a->samples, a->sum_gpu, 0,       time_ms,   a->start_us};
  return SUCCESS;
}
#endif

/* ---- field values: of all only the recovery action ---- */

typedef struct {
  u32 id, scope;
  int64_t timestamp_us, latency_us;
  u32 value_type;
  nvmlReturn_t code;
  u64 value;
} nvmlFieldValue_t;

API nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t device, int count, nvmlFieldValue_t *out) {
  BOARD(out);
  for (int i = 0; i < count; i++) {
    int known = out[i].id == 230 && DRIVER >= 570;
    out[i].code = known ? SUCCESS : NOT_SUPPORTED;
    out[i].value_type = 1;
    out[i].value = known ? at.gpu->recovery_action : 0;
  }
  return SUCCESS;
}
