-- Grain: team; what it bears of all that is published.
SELECT
  charges.team,
  SUM(charges.device_seconds) AS device_seconds,
  SUM(charges.cost) AS cost,
  SUM(CASE WHEN charges.unit_price IS NULL THEN charges.device_seconds ELSE 0 END) AS unpriced_seconds
FROM charges
GROUP BY charges.team
ORDER BY charges.team
