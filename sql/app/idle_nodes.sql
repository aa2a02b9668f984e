-- Grain: cluster, pool and node; the nodes that were held idle for the most hours.
SELECT
  usage.cluster,
  usage.pool,
  usage.node,
  SUM(CASE WHEN usage.state = 'allocated_idle' THEN usage.device_seconds END) AS idle_seconds,
  SUM(CASE WHEN usage.state IN ('allocated_active', 'allocated_idle') THEN usage.device_seconds END) AS observed_seconds,
  SUM(CASE WHEN usage.state = 'allocated_unobserved' THEN usage.device_seconds END) AS unobserved_seconds,
  SUM(usage.device_seconds) AS device_seconds
FROM usage
WHERE usage.day BETWEEN @from AND @to
  AND (@cluster IS NULL OR usage.cluster = @cluster)
  AND (@team IS NULL OR CASE WHEN usage.state LIKE 'allocated_%' THEN COALESCE(usage.team, 'unowned') ELSE usage.capacity_owner END = @team)
  AND (@accelerator IS NULL OR usage.accelerator = @accelerator)
  AND usage.node IS NOT NULL
GROUP BY usage.cluster, usage.pool, usage.node
HAVING SUM(CASE WHEN usage.state = 'allocated_idle' THEN usage.device_seconds END) > 0
ORDER BY idle_seconds DESC, usage.cluster, usage.pool, usage.node
LIMIT 8
