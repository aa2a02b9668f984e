-- Question: What does each model cost, how busy were its accelerators, and what would on-demand prices have made of it?
-- @month STRING: billing month, YYYY-MM
-- What was held, whoever bears it; used_cost is cost times busy, and NULL where nobody observed.
WITH parts AS (
  SELECT
    charges.model,
    charges.purpose,
    charges.device_seconds,
    charges.cost,
    IF(charges.cost IS NULL, charges.device_seconds, 0) AS unpriced_seconds,
    charges.used_cost,
    charges.list_cost,
    CAST(NULL AS NUMERIC) AS busy_seconds,
    CAST(NULL AS NUMERIC) AS observed_seconds
  FROM charges
  WHERE charges.month = @month AND STARTS_WITH(charges.state, 'allocated_')
  UNION ALL
  SELECT usage.model, usage.purpose, NULL, NULL, NULL, NULL, NULL, usage.busy_seconds, usage.device_seconds
  FROM usage
  WHERE usage.month = @month AND usage.state IN ('allocated_active', 'allocated_idle')
)

SELECT
  parts.model,
  parts.purpose,
  ROUND(SUM(parts.device_seconds) / 3600, 3) AS hours,
  ROUND(SUM(parts.cost), 2) AS cost,
  ROUND(SUM(parts.unpriced_seconds) / 3600, 3) AS unpriced_hours,
  ROUND(SUM(parts.used_cost), 2) AS used_cost,
  ROUND(SUM(parts.list_cost), 2) AS list_cost,
  ROUND(SAFE_DIVIDE(SUM(parts.busy_seconds), SUM(parts.observed_seconds)), 3) AS busy_of_observed
FROM parts
GROUP BY parts.model, parts.purpose
ORDER BY cost DESC, parts.model, parts.purpose
