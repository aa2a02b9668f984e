-- Grain: charge_id; lines of @month that come from @provider's bill for @day and @accelerator, or for the SKU that @price_id names.
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
WHERE charges.cluster IS NULL AND charges.corrects IS NULL AND charges.month = @month AND charges.provider = @provider
  AND charges.day = @day
  AND COALESCE(charges.accelerator, '') = COALESCE(@accelerator, '')
  AND COALESCE(charges.price_id, '') = COALESCE(@price_id, '')
ORDER BY charges.charge_kind, charges.team, charges.borne_by_rule
