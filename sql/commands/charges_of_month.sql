-- Grain: charge_id; the charges of @month, of @team where it is not NULL.
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
WHERE charges.month = @month AND (@team IS NULL OR charges.team = @team)
ORDER BY charges.day, charges.cluster, charges.team, charges.charge_kind, charges.charge_id
