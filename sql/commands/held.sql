-- Grain: cluster, pool, workload_id and owner_team; what was held, and what it costs, whoever bears it.
SELECT
  charges.cluster,
  charges.pool,
  charges.workload_id,
  charges.owner_team,
  SUM(charges.device_seconds) AS device_seconds,
  SUM(charges.cost) AS cost,
  SUM(CASE WHEN charges.unit_price IS NULL THEN charges.device_seconds ELSE 0 END) AS unpriced_seconds
FROM charges
WHERE STARTS_WITH(charges.state, 'allocated_')
GROUP BY charges.cluster, charges.pool, charges.workload_id, charges.owner_team
