-- fail: device time of charges is not the device time of usage, by day, holder, team and state.
WITH charged AS (
  SELECT charges.cluster, charges.pool, charges.accelerator, charges.day, charges.month, charges.workload_id, charges.model, charges.state, charges.owner_team,
    SUM(charges.device_seconds) AS device_seconds
  FROM staged.charges AS charges
  GROUP BY charges.cluster, charges.pool, charges.accelerator, charges.day, charges.month, charges.workload_id, charges.model, charges.state, charges.owner_team
),

used AS (
  SELECT usage.cluster, usage.pool, usage.accelerator, usage.day, usage.month, usage.workload_id, usage.model, usage.state,
    CASE
      WHEN usage.state IN ('maintenance', 'unhealthy') THEN usage.capacity_owner
      WHEN usage.team IS NOT NULL THEN usage.team
      WHEN STARTS_WITH(usage.state, 'allocated_') THEN 'unowned'
      ELSE usage.capacity_owner
    END AS owner_team,
    SUM(usage.device_seconds) AS device_seconds
  FROM staged.usage AS usage
  GROUP BY usage.cluster, usage.pool, usage.accelerator, usage.day, usage.month, usage.workload_id, usage.model, usage.state, owner_team
)

SELECT
  COALESCE(used.cluster, charged.cluster) AS cluster,
  COALESCE(used.pool, charged.pool) AS pool,
  COALESCE(used.accelerator, charged.accelerator) AS accelerator,
  COALESCE(used.day, charged.day) AS day,
  COALESCE(used.workload_id, charged.workload_id) AS workload_id,
  COALESCE(used.state, charged.state) AS state,
  used.device_seconds AS expected,
  charged.device_seconds AS actual
FROM used
FULL JOIN charged
  ON charged.cluster = used.cluster AND charged.pool = used.pool AND charged.accelerator = used.accelerator
  AND charged.day = used.day AND charged.month = used.month AND charged.state = used.state
  AND charged.workload_id IS NOT DISTINCT FROM used.workload_id AND charged.model IS NOT DISTINCT FROM used.model
  AND charged.owner_team IS NOT DISTINCT FROM used.owner_team
WHERE used.device_seconds IS DISTINCT FROM charged.device_seconds
ORDER BY day, cluster, pool, state, workload_id
