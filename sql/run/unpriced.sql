-- Grain: SKU without a price; how much time it leaves unpriced, the most first.
SELECT
  charges.accelerator,
  charges.provider,
  charges.region,
  charges.purchase,
  SUM(charges.device_seconds) AS device_seconds,
  MIN(charges.day) AS first_day,
  MAX(charges.day) AS last_day
FROM staged.charges AS charges
WHERE charges.unit_price IS NULL
GROUP BY charges.accelerator, charges.provider, charges.region, charges.purchase
ORDER BY device_seconds DESC, charges.accelerator, charges.provider, charges.region, charges.purchase
