"""From a pid or a device to a workload: cgroups, the kubelet, the API server, Slurm and its prologs."""
