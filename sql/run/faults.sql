-- Grain: fault, cluster, pool, accelerator; what did not fit, the longest first.
SELECT
  faults.fault,
  faults.cluster,
  faults.pool,
  faults.accelerator,
  COUNT(*) AS days,
  SUM(faults.workloads) AS workloads,
  SUM(faults.device_seconds) AS device_seconds,
  SUM(faults.cost) AS cost,
  SUM(CASE WHEN faults.cost IS NULL THEN faults.device_seconds END) AS unpriced_seconds
FROM staged.faults AS faults
GROUP BY faults.fault, faults.cluster, faults.pool, faults.accelerator
ORDER BY device_seconds DESC, faults.fault, faults.cluster, faults.pool, faults.accelerator
