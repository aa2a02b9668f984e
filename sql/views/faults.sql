-- Grain: day, cluster, fault, pool and accelerator; rows of the live publication of their cluster-day.
SELECT
  faults.day,
  faults.cluster,
  faults.fault,
  faults.pool,
  faults.accelerator,
  faults.workloads,
  faults.device_seconds,
  faults.cost,
  faults.publication
FROM store.faults AS faults
JOIN live_publications AS live
  ON live.cluster = faults.cluster AND live.day = faults.day AND live.publication = faults.publication
