-- fail: a usage row lies outside its day, or is busier than its time allows, or is negative.
SELECT usage.cluster, usage.day, usage.hour, usage.pool, usage.workload_id, usage.state, usage.device_seconds, usage.busy_seconds
FROM staged.usage AS usage
WHERE usage.device_seconds < 0
  OR DATE(usage.hour) <> usage.day
  OR usage.busy_seconds < 0
  OR (usage.sharing = 'exclusive' AND usage.busy_seconds > usage.device_seconds + CAST('0.001' AS NUMERIC))
  OR (usage.state IN ('allocated_unobserved', 'maintenance', 'unhealthy') AND usage.busy_seconds IS NOT NULL)
ORDER BY usage.day, usage.cluster, usage.hour
