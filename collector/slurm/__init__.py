"""Slurm: what its commands say of jobs, of the queue and of nodes."""
