#!/bin/sh
# Slurm epilog (slurm.conf: Epilog=, runs as root on the node): the job holds its GPUs no more.
folder=${CHIPLEDGER_JOBS:-/run/chipledger/jobs}
[ -n "$SLURM_JOB_ID" ] && [ -d "$folder" ] || exit 0
umask 022
(
  flock 9
  for file in "$folder"/*; do
    [ -f "$file" ] || continue
    gpu=${file##*/}
    grep -v "^$SLURM_JOB_ID " "$file" >"$folder/.$gpu.new"
    if [ -s "$folder/.$gpu.new" ]; then
      mv "$folder/.$gpu.new" "$file"
    else
      rm -f "$folder/.$gpu.new" "$file"
    fi
  done
) 9>"${folder%/*}/.jobs.lock"
exit 0
