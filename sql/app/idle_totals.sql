-- Grain: one row; what was held idle, held unobserved, held by nobody, and unusable; the team is who held or owns it.
SELECT
  SUM(CASE WHEN charges.charge_kind = 'idle' THEN charges.device_seconds END) AS idle_seconds,
  SUM(CASE WHEN charges.charge_kind = 'idle' THEN charges.cost END) AS idle_cost,
  SUM(CASE WHEN charges.state IN ('allocated_active', 'allocated_idle') THEN charges.device_seconds END) AS observed_seconds,
  SUM(CASE WHEN charges.state = 'allocated_unobserved' THEN charges.device_seconds END) AS unobserved_seconds,
  SUM(CASE WHEN charges.state = 'allocated_unobserved' THEN charges.cost END) AS unobserved_cost,
  SUM(CASE WHEN charges.state LIKE 'allocated_%' THEN charges.device_seconds END) AS held_seconds,
  SUM(CASE WHEN charges.state LIKE 'unallocated_%' THEN charges.device_seconds END) AS unallocated_seconds,
  SUM(CASE WHEN charges.state LIKE 'unallocated_%' THEN charges.cost END) AS unallocated_cost,
  SUM(CASE WHEN charges.state = 'unobserved' THEN charges.device_seconds END) AS unlogged_seconds,
  SUM(CASE WHEN charges.state IN ('maintenance', 'unhealthy') THEN charges.device_seconds END) AS unhealthy_seconds,
  SUM(CASE WHEN charges.state IN ('maintenance', 'unhealthy') THEN charges.cost END) AS unhealthy_cost,
  SUM(charges.device_seconds) AS device_seconds,
  SUM(CASE WHEN charges.cost IS NULL AND charges.charge_kind = 'idle' THEN charges.device_seconds END) AS idle_unpriced_seconds,
  SUM(CASE WHEN charges.cost IS NULL AND charges.state = 'allocated_unobserved' THEN charges.device_seconds END) AS unobserved_unpriced_seconds,
  SUM(CASE WHEN charges.cost IS NULL AND charges.state LIKE 'unallocated_%' THEN charges.device_seconds END) AS unallocated_unpriced_seconds,
  SUM(CASE WHEN charges.cost IS NULL AND charges.state IN ('maintenance', 'unhealthy') THEN charges.device_seconds END) AS unhealthy_unpriced_seconds
FROM charges
WHERE charges.day BETWEEN @from AND @to
  AND (@cluster IS NULL OR charges.cluster = @cluster)
  AND (@team IS NULL OR charges.owner_team = @team)
  AND (@accelerator IS NULL OR charges.accelerator = @accelerator)
