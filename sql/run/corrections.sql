-- Grain: month; what the run adds to it for closed months.
SELECT
  adjustments.month,
  COUNT(*) AS lines,
  SUM(adjustments.cost) AS cost,
  MAX(adjustments.currency) AS currency
FROM staged.adjustments AS adjustments
WHERE adjustments.charge_kind = 'correction'
GROUP BY adjustments.month
ORDER BY adjustments.month
