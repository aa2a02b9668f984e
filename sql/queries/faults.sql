-- Question: What did not fit, and how much of it was there?
-- @from DATE: first day
-- @to DATE: last day
-- n counts what docs/semantics.md says of the fault: workloads, samples or batches.
SELECT
  faults.fault,
  faults.cluster,
  faults.pool,
  COUNT(DISTINCT faults.day) AS days,
  SUM(faults.workloads) AS n,
  ROUND(SUM(faults.device_seconds) / 3600, 3) AS hours,
  ROUND(SUM(faults.cost), 2) AS cost
FROM faults
WHERE faults.day BETWEEN @from AND @to
GROUP BY faults.fault, faults.cluster, faults.pool
ORDER BY faults.fault, faults.cluster, faults.pool
