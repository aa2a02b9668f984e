-- Grain: cluster; the days published of it, and how much of them is not known.
WITH days AS (
  SELECT live.cluster, MIN(live.day) AS first_day, MAX(live.day) AS last_day, COUNT(*) AS days, MAX(live.published_at) AS published_at
  FROM live_publications AS live
  WHERE live.fingerprint <> 'empty'
  GROUP BY live.cluster
),

used AS (
  SELECT
    usage.cluster,
    SUM(usage.device_seconds) AS device_seconds,
    SUM(CASE WHEN usage.state = 'allocated_unobserved' THEN usage.device_seconds ELSE 0 END) AS unobserved_seconds,
    SUM(CASE WHEN usage.owner_status = 'unowned' AND usage.state NOT IN ('maintenance', 'unhealthy') THEN usage.device_seconds ELSE 0 END) AS unowned_seconds
  FROM usage
  GROUP BY usage.cluster
),

charged AS (
  SELECT
    charges.cluster,
    SUM(charges.cost) AS cost,
    MAX(charges.currency) AS currency,
    SUM(CASE WHEN charges.unit_price IS NULL THEN charges.device_seconds ELSE 0 END) AS unpriced_seconds
  FROM charges
  GROUP BY charges.cluster
)

SELECT
  days.cluster,
  days.first_day,
  days.last_day,
  days.days,
  days.published_at,
  used.device_seconds,
  used.unobserved_seconds,
  used.unowned_seconds,
  charged.unpriced_seconds,
  charged.cost,
  charged.currency
FROM days
LEFT JOIN used ON used.cluster = days.cluster
LEFT JOIN charged ON charged.cluster = days.cluster
ORDER BY days.cluster
