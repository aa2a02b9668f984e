-- Grain: charge_id; what months before @month have of the charge @charge_id: itself, and what corrected it.
SELECT
  charges.charge_id,
  charges.day,
  charges.month,
  charges.team,
  charges.owner_team,
  charges.cost_center,
  charges.model,
  charges.purpose,
  charges.workload_id,
  charges.cluster,
  charges.pool,
  charges.accelerator,
  charges.provider,
  charges.region,
  charges.purchase,
  charges.state,
  charges.charge_kind,
  charges.borne_by_rule,
  charges.device_seconds,
  charges.unit_price,
  charges.price_id,
  charges.price_status,
  charges.cost,
  charges.used_cost,
  charges.list_cost,
  charges.currency,
  charges.corrects,
  charges.publication
FROM charges
WHERE (charges.charge_id = @charge_id OR charges.corrects = @charge_id) AND charges.month < @month
ORDER BY charges.month, charges.charge_id
