-- Grain: one row; what @provider billed in @month for @day and @accelerator, or for @sku.
SELECT
  reconciliation.status,
  reconciliation.description,
  reconciliation.projects,
  reconciliation.computed_hours,
  reconciliation.billed_hours,
  reconciliation.computed_cost,
  reconciliation.billed_cost,
  reconciliation.unused_cost,
  reconciliation.credits,
  reconciliation.difference,
  reconciliation.quantity_effect,
  reconciliation.price_effect
FROM reconciliation
WHERE reconciliation.month = @month AND reconciliation.provider = @provider AND reconciliation.day = @day
  AND COALESCE(reconciliation.accelerator, '') = COALESCE(@accelerator, '')
  AND COALESCE(reconciliation.sku, '') = COALESCE(@sku, '')
