-- Grain: charge_id; the charges whose id begins with @prefix, some of them where there are many.
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
WHERE STARTS_WITH(charges.charge_id, @prefix)
ORDER BY charges.charge_id
LIMIT 21
