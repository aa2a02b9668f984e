-- Grain: charge_id; charges of open months as they are published, of closed ones as they were closed.
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
  CAST(NULL AS STRING) AS corrects,
  charges.publication
FROM store.charges AS charges
JOIN live_publications AS live
  ON live.cluster = charges.cluster AND live.day = charges.day AND live.publication = charges.publication
LEFT JOIN live_closes AS closed ON closed.month = charges.month
WHERE closed.month IS NULL
UNION ALL
SELECT
  adjustments.charge_id,
  adjustments.day,
  adjustments.month,
  adjustments.team,
  adjustments.owner_team,
  adjustments.cost_center,
  adjustments.model,
  adjustments.purpose,
  adjustments.workload_id,
  adjustments.cluster,
  adjustments.pool,
  adjustments.accelerator,
  adjustments.provider,
  adjustments.region,
  adjustments.purchase,
  adjustments.state,
  adjustments.charge_kind,
  adjustments.borne_by_rule,
  adjustments.device_seconds,
  adjustments.unit_price,
  adjustments.price_id,
  adjustments.price_status,
  adjustments.cost,
  adjustments.used_cost,
  adjustments.list_cost,
  adjustments.currency,
  adjustments.corrects,
  adjustments.publication
FROM store.adjustments AS adjustments
JOIN live_months AS live ON live.month = adjustments.month AND live.publication = adjustments.publication
LEFT JOIN live_closes AS closed ON closed.month = adjustments.month
WHERE closed.month IS NULL
UNION ALL
SELECT
  ledger.charge_id,
  ledger.day,
  ledger.month,
  ledger.team,
  ledger.owner_team,
  ledger.cost_center,
  ledger.model,
  ledger.purpose,
  ledger.workload_id,
  ledger.cluster,
  ledger.pool,
  ledger.accelerator,
  ledger.provider,
  ledger.region,
  ledger.purchase,
  ledger.state,
  ledger.charge_kind,
  ledger.borne_by_rule,
  ledger.device_seconds,
  ledger.unit_price,
  ledger.price_id,
  ledger.price_status,
  ledger.cost,
  ledger.used_cost,
  ledger.list_cost,
  ledger.currency,
  ledger.corrects,
  ledger.publication
FROM store.ledger AS ledger
JOIN live_closes AS closed ON closed.month = ledger.month AND closed.publication = ledger.publication
