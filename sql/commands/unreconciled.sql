-- Grain: provider; what it billed in @month for accelerators, and how far that is from what was computed, day by day.
SELECT
  reconciliation.provider,
  SUM(reconciliation.billed_cost) AS billed,
  SUM(ABS(reconciliation.difference)) AS difference,
  MAX(reconciliation.currency) AS currency
FROM reconciliation
WHERE reconciliation.month = @month AND reconciliation.status <> 'overhead'
GROUP BY reconciliation.provider
ORDER BY reconciliation.provider
