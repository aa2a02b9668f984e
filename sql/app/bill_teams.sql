-- Grain: team; what it bears of @month.
SELECT
  charges.team,
  SUM(charges.device_seconds) AS device_seconds,
  SUM(CASE WHEN charges.charge_kind = 'usage' THEN charges.cost END) AS usage_cost,
  SUM(CASE WHEN charges.charge_kind = 'idle' THEN charges.cost END) AS idle_cost,
  SUM(CASE WHEN charges.charge_kind = 'unallocated' THEN charges.cost END) AS unallocated_cost,
  SUM(CASE WHEN charges.charge_kind = 'overhead' THEN charges.cost END) AS overhead_cost,
  SUM(CASE WHEN charges.charge_kind NOT IN ('usage', 'idle', 'unallocated', 'overhead') THEN charges.cost END) AS adjusted_cost,
  SUM(charges.cost) AS cost,
  SUM(charges.used_cost) AS used_cost,
  SUM(CASE WHEN charges.cost IS NULL THEN charges.device_seconds ELSE 0 END) AS unpriced_seconds
FROM charges
WHERE charges.month = @month
  AND (@cluster IS NULL OR charges.cluster = @cluster)
  AND (@team IS NULL OR charges.team = @team)
  AND (@accelerator IS NULL OR charges.accelerator = @accelerator)
GROUP BY charges.team
ORDER BY COALESCE(SUM(charges.cost), 0) DESC, charges.team
