-- Grain: one row; the bill of @month.
SELECT
  SUM(charges.device_seconds) AS device_seconds,
  SUM(CASE WHEN charges.charge_kind = 'usage' THEN charges.cost END) AS usage_cost,
  SUM(CASE WHEN charges.charge_kind = 'idle' THEN charges.cost END) AS idle_cost,
  SUM(CASE WHEN charges.charge_kind = 'unallocated' THEN charges.cost END) AS unallocated_cost,
  SUM(CASE WHEN charges.charge_kind = 'overhead' THEN charges.cost END) AS overhead_cost,
  SUM(CASE WHEN charges.charge_kind NOT IN ('usage', 'idle', 'unallocated', 'overhead') THEN charges.cost END) AS adjusted_cost,
  SUM(charges.cost) AS cost,
  SUM(charges.used_cost) AS used_cost,
  SUM(CASE WHEN charges.cost IS NULL THEN charges.device_seconds ELSE 0 END) AS unpriced_seconds,
  SUM(CASE WHEN charges.used_cost IS NOT NULL THEN charges.cost END) AS observed_cost,
  SUM(CASE WHEN charges.cost IS NULL AND charges.charge_kind = 'usage' THEN charges.device_seconds END) AS usage_unpriced_seconds,
  SUM(CASE WHEN charges.cost IS NULL AND charges.charge_kind = 'idle' THEN charges.device_seconds END) AS idle_unpriced_seconds,
  SUM(CASE WHEN charges.cost IS NULL AND charges.charge_kind = 'unallocated' THEN charges.device_seconds END) AS unallocated_unpriced_seconds,
  SUM(CASE WHEN charges.charge_kind = 'overhead' THEN charges.device_seconds END) AS overhead_seconds,
  SUM(CASE WHEN charges.cost IS NULL AND charges.charge_kind = 'overhead' THEN charges.device_seconds END) AS overhead_unpriced_seconds,
  COUNT(*) AS lines,
  MIN(CASE WHEN charges.state IS NOT NULL AND charges.corrects IS NULL THEN charges.day END) AS first_day,
  MAX(CASE WHEN charges.state IS NOT NULL AND charges.corrects IS NULL THEN charges.day END) AS last_day
FROM charges
WHERE charges.month = @month
  AND (@cluster IS NULL OR charges.cluster = @cluster)
  AND (@team IS NULL OR charges.team = @team)
  AND (@accelerator IS NULL OR charges.accelerator = @accelerator)
