-- Question: What is the month's total for finance, by provider and kind, and does it add up?
-- @month STRING: billing month, YYYY-MM
-- Hold `cost` against the provider's bill of the same month. The last two columns are 0: the kinds make the cost, and the time charged is
-- the time accounted in `usage`, once, as long as the month is open. Adjustments are unused commitments, credits, differences to the bill, corrections.
WITH parts AS (
  SELECT charges.provider, charges.charge_kind, charges.cost, IF(charges.corrects IS NULL, charges.device_seconds, 0) AS device_seconds,
    0 AS accounted_seconds
  FROM charges
  WHERE charges.month = @month
  UNION ALL
  SELECT usage.provider, NULL, NULL, 0, usage.device_seconds
  FROM usage
  WHERE usage.month = @month
)

SELECT
  parts.provider,
  SUM(IF(parts.charge_kind = 'usage', parts.cost, NULL)) AS usage_cost,
  SUM(IF(parts.charge_kind = 'idle', parts.cost, NULL)) AS idle_cost,
  SUM(IF(parts.charge_kind = 'unallocated', parts.cost, NULL)) AS unallocated_cost,
  SUM(IF(parts.charge_kind = 'overhead', parts.cost, NULL)) AS overhead_cost,
  SUM(IF(parts.charge_kind NOT IN ('usage', 'idle', 'unallocated', 'overhead'), parts.cost, NULL)) AS adjusted_cost,
  SUM(parts.cost) AS cost,
  ROUND(SUM(parts.device_seconds) / 3600, 3) AS hours,
  ROUND(SUM(IF(parts.charge_kind IS NOT NULL AND parts.cost IS NULL, parts.device_seconds, 0)) / 3600, 3) AS unpriced_hours,
  COALESCE(SUM(parts.cost), 0) - SUM(COALESCE(IF(parts.charge_kind IN (
    'usage', 'idle', 'unallocated', 'overhead', 'commitment_unused', 'credit', 'reconciliation', 'correction'
  ), parts.cost, 0), 0)) AS cost_left,
  SUM(parts.device_seconds) - SUM(parts.accounted_seconds) AS seconds_left
FROM parts
GROUP BY parts.provider
ORDER BY parts.provider
