-- Grain: one row; what the charges of @month, or of one workload in it, come to.
SELECT
  COUNT(*) AS charges,
  SUM(charges.device_seconds) AS device_seconds,
  SUM(charges.cost) AS cost,
  SUM(CASE WHEN charges.price_status = 'unpriced' THEN charges.device_seconds ELSE 0 END) AS unpriced_seconds
FROM charges
WHERE charges.month = @month
  AND (@cluster IS NULL OR charges.cluster = @cluster)
  AND (@team IS NULL OR charges.team = @team)
  AND (@accelerator IS NULL OR charges.accelerator = @accelerator)
  AND (@workload IS NULL OR charges.workload_id = @workload)
