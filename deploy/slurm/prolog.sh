#!/bin/sh
# Slurm prolog (slurm.conf: Prolog=, runs as root on the node): notes which job holds which GPU, for chipledger-agent.
# Never fails a job: what cannot be written is only not known.
folder=${CHIPLEDGER_JOBS:-/run/chipledger/jobs}
[ -n "$SLURM_JOB_GPUS" ] || exit 0
umask 022
mkdir -p "$folder" || exit 0
(
  flock 9
  for gpu in $(echo "$SLURM_JOB_GPUS" | tr ',' ' '); do
    file="$folder/$gpu"
    { cat "$file" 2>/dev/null; echo "$SLURM_JOB_ID $SLURM_JOB_UID"; } | sort -u >"$folder/.$gpu.new" &&
      mv "$folder/.$gpu.new" "$file"
  done
) 9>"${folder%/*}/.jobs.lock"
exit 0
