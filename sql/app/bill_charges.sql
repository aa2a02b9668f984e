-- Grain: charge_id; the costliest charges of @month, or of one workload in it.
SELECT
  charges.charge_id,
  charges.day,
  charges.team,
  charges.charge_kind,
  charges.state,
  charges.workload_id,
  charges.cluster,
  charges.pool,
  charges.accelerator,
  charges.device_seconds,
  charges.cost,
  charges.price_status
FROM charges
WHERE charges.month = @month
  AND (@cluster IS NULL OR charges.cluster = @cluster)
  AND (@team IS NULL OR charges.team = @team)
  AND (@accelerator IS NULL OR charges.accelerator = @accelerator)
  AND (@workload IS NULL OR charges.workload_id = @workload)
ORDER BY COALESCE(charges.cost, 0) DESC, charges.day, charges.charge_id
LIMIT 50
