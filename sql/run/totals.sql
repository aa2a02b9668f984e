-- Grain: one row; what the checked rows add up to.
WITH used AS (
  SELECT
    SUM(usage.device_seconds) AS device_seconds,
    SUM(usage.busy_seconds) AS busy_seconds,
    SUM(CASE WHEN usage.state = 'allocated_unobserved' THEN usage.device_seconds ELSE 0 END) AS unobserved_seconds,
    SUM(CASE WHEN STARTS_WITH(usage.state, 'allocated_') THEN usage.device_seconds ELSE 0 END) AS allocated_seconds,
    SUM(CASE WHEN usage.state = 'allocated_idle' THEN usage.device_seconds WHEN usage.busy_seconds IS NOT NULL THEN 0 END) AS idle_seconds,
    SUM(CASE WHEN usage.owner_status = 'unowned' AND usage.state NOT IN ('maintenance', 'unhealthy') THEN usage.device_seconds ELSE 0 END) AS unowned_seconds
  FROM staged.usage AS usage
),

charged AS (
  SELECT
    SUM(charges.cost) AS cost,
    MAX(charges.currency) AS currency,
    SUM(CASE WHEN charges.unit_price IS NULL THEN charges.device_seconds ELSE 0 END) AS unpriced_seconds
  FROM staged.charges AS charges
)

SELECT
  used.device_seconds,
  used.busy_seconds,
  used.unobserved_seconds,
  used.allocated_seconds,
  used.idle_seconds,
  used.unowned_seconds,
  charged.cost,
  charged.currency,
  charged.unpriced_seconds
FROM used
CROSS JOIN charged
