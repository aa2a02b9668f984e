-- Question: Who held the most time idle, and what did it cost?
-- @month STRING: billing month, YYYY-MM
-- Whoever bears it. The share is of the time in which somebody saw what the owner's accelerators did.
SELECT
  charges.owner_team,
  ROUND(SUM(IF(charges.charge_kind = 'idle', charges.device_seconds, 0)) / 3600, 3) AS idle_hours,
  ROUND(SUM(IF(charges.charge_kind = 'idle', charges.cost, NULL)), 2) AS cost,
  ROUND(SUM(IF(charges.charge_kind = 'idle' AND charges.cost IS NULL, charges.device_seconds, 0)) / 3600, 3) AS unpriced_hours,
  ROUND(SAFE_DIVIDE(SUM(IF(charges.charge_kind = 'idle', charges.device_seconds, 0)), SUM(charges.device_seconds)), 3) AS idle_of_observed
FROM charges
WHERE charges.month = @month AND charges.state IN ('allocated_active', 'allocated_idle')
GROUP BY charges.owner_team
HAVING SUM(IF(charges.charge_kind = 'idle', charges.device_seconds, 0)) > 0
ORDER BY cost DESC, idle_hours DESC, charges.owner_team
LIMIT 10
