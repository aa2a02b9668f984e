"""What a Prometheus (or Thanos, Mimir, Google's managed one) knows of a fleet, asked by its HTTP API."""
