-- Grain: month, provider, day and accelerator, or SKU of something else; what was billed against what was computed.
SELECT
  reconciliation.month,
  reconciliation.provider,
  reconciliation.day,
  reconciliation.accelerator,
  reconciliation.sku,
  reconciliation.description,
  reconciliation.projects,
  reconciliation.status,
  reconciliation.computed_hours,
  reconciliation.billed_hours,
  reconciliation.computed_cost,
  reconciliation.billed_cost,
  reconciliation.unused_cost,
  reconciliation.credits,
  reconciliation.difference,
  reconciliation.quantity_effect,
  reconciliation.price_effect,
  reconciliation.currency,
  reconciliation.publication
FROM store.reconciliation AS reconciliation
JOIN live_months AS live ON live.month = reconciliation.month AND live.publication = reconciliation.publication
