-- Grain: one row; what the days of the filter cost, and what of it was waste: held idle, or held by nobody.
SELECT
  SUM(charges.device_seconds) AS device_seconds,
  SUM(CASE WHEN charges.state LIKE 'allocated_%' THEN charges.device_seconds END) AS allocated_seconds,
  SUM(CASE WHEN charges.state = 'unobserved' THEN charges.device_seconds END) AS unlogged_seconds,
  SUM(charges.cost) AS cost,
  SUM(charges.used_cost) AS used_cost,
  SUM(CASE WHEN charges.charge_kind = 'idle' THEN charges.cost END) AS idle_cost,
  SUM(CASE WHEN charges.state LIKE 'unallocated_%' THEN charges.cost END) AS unallocated_cost,
  SUM(CASE WHEN charges.charge_kind = 'idle' OR charges.state LIKE 'unallocated_%' THEN charges.cost END) AS waste_cost,
  SUM(CASE WHEN charges.cost IS NULL THEN charges.device_seconds ELSE 0 END) AS unpriced_seconds,
  SUM(CASE WHEN charges.cost IS NULL AND (charges.charge_kind = 'idle' OR charges.state LIKE 'unallocated_%') THEN charges.device_seconds END) AS waste_unpriced_seconds
FROM charges
WHERE charges.day BETWEEN @from AND @to
  AND (@cluster IS NULL OR charges.cluster = @cluster)
  AND (@team IS NULL OR charges.team = @team)
  AND (@accelerator IS NULL OR charges.accelerator = @accelerator)
