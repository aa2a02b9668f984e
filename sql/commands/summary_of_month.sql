-- Grain: team, cost_center and charge_kind, and a total; the charges of @month, of @team where it is not NULL.
WITH parts AS (
  SELECT
    charges.team,
    charges.cost_center,
    charges.charge_kind,
    SUM(charges.device_seconds) AS device_seconds,
    SUM(CASE WHEN charges.unit_price IS NULL THEN charges.device_seconds ELSE 0 END) AS unpriced_seconds,
    SUM(charges.cost) AS cost,
    SUM(charges.used_cost) AS used_cost,
    MAX(charges.currency) AS currency
  FROM charges
  WHERE charges.month = @month AND (@team IS NULL OR charges.team = @team)
  GROUP BY charges.team, charges.cost_center, charges.charge_kind
),

-- Hours have no exact decimals: rounded cumulatively in the order of the rows, they add up to the total.
summed AS (
  SELECT
    parts.team,
    parts.cost_center,
    parts.charge_kind,
    parts.device_seconds,
    parts.unpriced_seconds,
    parts.cost,
    parts.used_cost,
    parts.currency,
    SUM(parts.device_seconds) OVER (ORDER BY parts.team, parts.cost_center, parts.charge_kind) AS device_upto,
    SUM(parts.unpriced_seconds) OVER (ORDER BY parts.team, parts.cost_center, parts.charge_kind) AS unpriced_upto
  FROM parts
),

lines AS (
  SELECT
    0 AS last,
    summed.team,
    summed.cost_center,
    summed.charge_kind,
    ROUND(summed.device_upto / 3600, 9) - ROUND((summed.device_upto - summed.device_seconds) / 3600, 9) AS accelerator_hours,
    summed.cost,
    summed.used_cost,
    ROUND(summed.unpriced_upto / 3600, 9) - ROUND((summed.unpriced_upto - summed.unpriced_seconds) / 3600, 9) AS unpriced_hours,
    summed.currency
  FROM summed
  UNION ALL
  SELECT
    1,
    'total',
    NULL,
    NULL,
    ROUND(SUM(parts.device_seconds) / 3600, 9),
    SUM(parts.cost),
    SUM(parts.used_cost),
    ROUND(SUM(parts.unpriced_seconds) / 3600, 9),
    MAX(parts.currency)
  FROM parts
  HAVING COUNT(*) > 0
)

SELECT
  lines.team,
  lines.cost_center,
  lines.charge_kind,
  lines.accelerator_hours,
  lines.cost,
  lines.used_cost,
  lines.unpriced_hours,
  lines.currency
FROM lines
ORDER BY lines.last, lines.team, lines.cost_center, lines.charge_kind
