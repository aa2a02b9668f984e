"""NVIDIA GPUs as a source of readings, through NVIDIA's own `pynvml`."""
