-- Cost of what workloads held and could use, by cluster and the holder's team and model, and the idle part of it.
SELECT
  cluster,
  owner_team AS team,
  model,
  SUM(cost) AS accounted,
  SUM(CASE WHEN state = 'allocated_idle' THEN cost ELSE 0 END) AS idle_accounted
FROM charges
WHERE workload_id IS NOT NULL AND state NOT IN ('maintenance', 'unhealthy')
GROUP BY cluster, owner_team, model
ORDER BY cluster, team, model
