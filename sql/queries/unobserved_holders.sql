-- Question: Who holds accelerators that nobody observes?
-- @from DATE: first day
-- @to DATE: last day
SELECT
  COALESCE(usage.team, 'unowned') AS team,
  usage.cluster,
  usage.pool,
  COUNT(DISTINCT IF(usage.state = 'allocated_unobserved', usage.workload_id, NULL)) AS workloads,
  ROUND(SUM(IF(usage.state = 'allocated_unobserved', usage.device_seconds, 0)) / 3600, 3) AS unobserved_hours,
  ROUND(SUM(usage.device_seconds) / 3600, 3) AS held_hours,
  ROUND(SAFE_DIVIDE(SUM(IF(usage.state = 'allocated_unobserved', usage.device_seconds, 0)), SUM(usage.device_seconds)), 3) AS share
FROM usage
WHERE usage.day BETWEEN @from AND @to AND STARTS_WITH(usage.state, 'allocated_')
GROUP BY COALESCE(usage.team, 'unowned'), usage.cluster, usage.pool
HAVING SUM(IF(usage.state = 'allocated_unobserved', usage.device_seconds, 0)) > 0
ORDER BY unobserved_hours DESC, usage.cluster, usage.pool, team
LIMIT 10
