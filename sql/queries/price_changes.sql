-- Question: Which prices changed, when, from what to what?
-- @from DATE: first day
-- @to DATE: last day
WITH changes AS (
  SELECT
    prices.start,
    prices.cluster,
    prices.accelerator,
    prices.provider,
    prices.region,
    prices.purchase,
    LAG(prices.price_per_hour) OVER (
      PARTITION BY prices.cluster, prices.accelerator, prices.provider, prices.region, prices.purchase ORDER BY prices.start
    ) AS price_before,
    prices.price_per_hour
  FROM prices
  WHERE prices.day BETWEEN @from AND @to
)

SELECT
  changes.start,
  changes.cluster,
  changes.accelerator,
  changes.provider,
  changes.region,
  changes.purchase,
  changes.price_before,
  changes.price_per_hour
FROM changes
WHERE changes.price_before <> changes.price_per_hour
ORDER BY changes.start, changes.cluster, changes.accelerator, changes.provider, changes.region, changes.purchase
