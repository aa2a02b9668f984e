-- Grain: charge_id; rows of the live publication of their cluster-day.
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
  charges.publication
FROM store.charges AS charges
JOIN live_publications AS live
  ON live.cluster = charges.cluster AND live.day = charges.day AND live.publication = charges.publication
