-- Question: How much is spot, on demand or committed, and what does an hour of each cost?
-- @month STRING: billing month, YYYY-MM
-- price_per_hour is the mean over the priced hours; list_cost is what the on-demand price would have made of them.
SELECT
  charges.accelerator,
  charges.provider,
  charges.region,
  charges.purchase,
  ROUND(SUM(charges.device_seconds) / 3600, 3) AS hours,
  ROUND(SAFE_DIVIDE(SUM(charges.device_seconds), SUM(SUM(charges.device_seconds)) OVER ()), 3) AS share,
  ROUND(SUM(charges.cost), 2) AS cost,
  ROUND(SUM(IF(charges.cost IS NULL, charges.device_seconds, 0)) / 3600, 3) AS unpriced_hours,
  ROUND(SAFE_DIVIDE(SUM(charges.cost) * 3600, SUM(IF(charges.cost IS NULL, 0, charges.device_seconds))), 4) AS price_per_hour,
  ROUND(SUM(charges.list_cost), 2) AS list_cost
FROM charges
WHERE charges.month = @month
GROUP BY charges.accelerator, charges.provider, charges.region, charges.purchase
ORDER BY hours DESC, charges.accelerator, charges.provider, charges.region, charges.purchase
