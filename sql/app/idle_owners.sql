-- Grain: owner_team, model and purpose; who held time idle, the costliest first.
SELECT
  charges.owner_team,
  charges.model,
  charges.purpose,
  SUM(CASE WHEN charges.charge_kind = 'idle' THEN charges.device_seconds END) AS idle_seconds,
  SUM(CASE WHEN charges.charge_kind = 'idle' THEN charges.cost END) AS idle_cost,
  SUM(CASE WHEN charges.state IN ('allocated_active', 'allocated_idle') THEN charges.device_seconds END) AS observed_seconds,
  SUM(CASE WHEN charges.state = 'allocated_unobserved' THEN charges.device_seconds END) AS unobserved_seconds,
  SUM(CASE WHEN charges.state = 'allocated_unobserved' THEN charges.cost END) AS unobserved_cost,
  SUM(CASE WHEN charges.state LIKE 'allocated_%' THEN charges.device_seconds END) AS held_seconds,
  SUM(CASE WHEN charges.cost IS NULL THEN charges.device_seconds ELSE 0 END) AS unpriced_seconds
FROM charges
WHERE charges.day BETWEEN @from AND @to
  AND (@cluster IS NULL OR charges.cluster = @cluster)
  AND (@team IS NULL OR charges.owner_team = @team)
  AND (@accelerator IS NULL OR charges.accelerator = @accelerator)
  AND charges.state LIKE 'allocated_%'
GROUP BY charges.owner_team, charges.model, charges.purpose
HAVING SUM(CASE WHEN charges.charge_kind = 'idle' THEN charges.device_seconds END) > 0
ORDER BY COALESCE(SUM(CASE WHEN charges.charge_kind = 'idle' THEN charges.cost END), 0) DESC, idle_seconds DESC, charges.owner_team, charges.model, charges.purpose
LIMIT 10
