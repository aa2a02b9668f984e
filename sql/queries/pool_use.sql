-- Question: How well is each pool used: held of what there was, busy of what was held and observed?
-- @from DATE: first day
-- @to DATE: last day
SELECT
  usage.cluster,
  usage.pool,
  usage.accelerator,
  ROUND(SUM(usage.device_seconds) / 3600, 3) AS hours,
  ROUND(SAFE_DIVIDE(SUM(IF(STARTS_WITH(usage.state, 'allocated_'), usage.device_seconds, 0)), SUM(usage.device_seconds)), 3) AS held,
  ROUND(
    SAFE_DIVIDE(
      SUM(IF(usage.state IN ('allocated_active', 'allocated_idle'), usage.busy_seconds, NULL)),
      SUM(IF(usage.state IN ('allocated_active', 'allocated_idle'), usage.device_seconds, NULL))
    ),
    3
  ) AS busy_of_observed,
  ROUND(SAFE_DIVIDE(SUM(IF(usage.state = 'allocated_unobserved', usage.device_seconds, 0)), SUM(usage.device_seconds)), 3) AS held_unobserved
FROM usage
WHERE usage.day BETWEEN @from AND @to
GROUP BY usage.cluster, usage.pool, usage.accelerator
ORDER BY usage.cluster, usage.pool, usage.accelerator
