-- Grain: calendar month and part; the cost of each month as parts that add up to it; `used` is the busy part of held time.
WITH parts AS (
  SELECT
    DATE_TRUNC(charges.day, MONTH) AS day,
    'used' AS part,
    CAST(NULL AS NUMERIC) AS device_seconds,
    SUM(charges.used_cost) AS cost,
    CAST(NULL AS NUMERIC) AS unpriced_seconds
  FROM charges
  WHERE charges.day BETWEEN @from AND @to
    AND (@cluster IS NULL OR charges.cluster = @cluster)
    AND (@team IS NULL OR charges.team = @team)
    AND (@accelerator IS NULL OR charges.accelerator = @accelerator)
  GROUP BY DATE_TRUNC(charges.day, MONTH)
  UNION ALL
  SELECT
    DATE_TRUNC(charges.day, MONTH) AS day,
    CASE
      WHEN charges.state IS NULL THEN 'bill'
      WHEN charges.state = 'allocated_active' AND charges.used_cost IS NOT NULL THEN 'active'
      WHEN charges.state = 'allocated_active' AND charges.cost IS NULL THEN 'active'
      WHEN charges.state IN ('allocated_active', 'allocated_unobserved') THEN 'unobserved'
      WHEN charges.state = 'allocated_idle' THEN 'idle'
      WHEN charges.state = 'unobserved' THEN 'unlogged'
      ELSE REPLACE(charges.state, 'unallocated_', '')
    END,
    SUM(charges.device_seconds),
    SUM(charges.cost - COALESCE(charges.used_cost, 0)),
    SUM(CASE WHEN charges.cost IS NULL THEN charges.device_seconds ELSE 0 END)
  FROM charges
  WHERE charges.day BETWEEN @from AND @to
    AND (@cluster IS NULL OR charges.cluster = @cluster)
    AND (@team IS NULL OR charges.team = @team)
    AND (@accelerator IS NULL OR charges.accelerator = @accelerator)
  GROUP BY DATE_TRUNC(charges.day, MONTH), 2
)

SELECT
  parts.day,
  parts.part,
  parts.device_seconds,
  parts.cost,
  parts.unpriced_seconds
FROM parts
ORDER BY parts.day, parts.part
