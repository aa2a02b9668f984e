-- Grain: cluster, pool, accelerator and state; what nobody held, and why.
SELECT
  charges.cluster,
  charges.pool,
  charges.accelerator,
  charges.state,
  SUM(charges.device_seconds) AS device_seconds,
  SUM(charges.cost) AS cost,
  SUM(CASE WHEN charges.cost IS NULL THEN charges.device_seconds ELSE 0 END) AS unpriced_seconds
FROM charges
WHERE charges.day BETWEEN @from AND @to
  AND (@cluster IS NULL OR charges.cluster = @cluster)
  AND (@team IS NULL OR charges.owner_team = @team)
  AND (@accelerator IS NULL OR charges.accelerator = @accelerator)
  AND charges.charge_kind = 'unallocated'
GROUP BY charges.cluster, charges.pool, charges.accelerator, charges.state
ORDER BY charges.cluster, charges.pool, charges.accelerator, charges.state
