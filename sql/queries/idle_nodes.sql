-- Question: Which nodes are idle or stranded most?
-- @from DATE: first day
-- @to DATE: last day
-- Idle: held and doing nothing. Stranded: free, but less than any typical request. Without a node: a pool that is known by number only.
SELECT
  usage.cluster,
  usage.pool,
  usage.node,
  ROUND(SUM(IF(usage.state = 'allocated_idle', usage.device_seconds, 0)) / 3600, 3) AS idle_hours,
  ROUND(SUM(IF(usage.state = 'unallocated_stranded', usage.device_seconds, 0)) / 3600, 3) AS stranded_hours,
  ROUND(SUM(usage.device_seconds) / 3600, 3) AS hours,
  ROUND(SAFE_DIVIDE(SUM(IF(usage.state IN ('allocated_idle', 'unallocated_stranded'), usage.device_seconds, 0)), SUM(usage.device_seconds)), 3) AS share
FROM usage
WHERE usage.day BETWEEN @from AND @to
GROUP BY usage.cluster, usage.pool, usage.node
HAVING SUM(IF(usage.state IN ('allocated_idle', 'unallocated_stranded'), usage.device_seconds, 0)) > 0
ORDER BY
  SUM(IF(usage.state IN ('allocated_idle', 'unallocated_stranded'), usage.device_seconds, 0)) DESC,
  usage.cluster,
  usage.pool,
  usage.node
LIMIT 10
