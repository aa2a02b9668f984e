-- Grain: month, provider, status; what the run found in providers' bills.
SELECT
  reconciliation.month,
  reconciliation.provider,
  reconciliation.status,
  COUNT(*) AS lines,
  SUM(reconciliation.computed_cost) AS computed_cost,
  SUM(reconciliation.billed_cost) AS billed_cost,
  SUM(reconciliation.unused_cost) AS unused_cost,
  SUM(reconciliation.difference) AS difference,
  MAX(reconciliation.currency) AS currency
FROM staged.reconciliation AS reconciliation
GROUP BY reconciliation.month, reconciliation.provider, reconciliation.status
ORDER BY reconciliation.month, reconciliation.provider, reconciliation.status
