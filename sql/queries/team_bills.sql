-- Question: What does each team bear, and how much of it has no price yet?
-- @month STRING: billing month, YYYY-MM
SELECT
  charges.team,
  charges.charge_kind,
  ROUND(SUM(charges.device_seconds) / 3600, 3) AS hours,
  ROUND(SUM(charges.cost), 2) AS cost,
  ROUND(SUM(IF(charges.cost IS NULL, charges.device_seconds, 0)) / 3600, 3) AS unpriced_hours
FROM charges
WHERE charges.month = @month
GROUP BY charges.team, charges.charge_kind
ORDER BY charges.team, charges.charge_kind
