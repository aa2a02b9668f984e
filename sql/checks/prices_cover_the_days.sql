-- fail: the published prices of a SKU do not cover its day once.
WITH skus AS (
  SELECT DISTINCT usage.day, usage.cluster, usage.accelerator, usage.provider, usage.region, usage.purchase
  FROM staged.usage AS usage
),

covered AS (
  SELECT
    prices.day, prices.cluster, prices.accelerator, prices.provider, prices.region, prices.purchase,
    SUM(UNIX_MILLIS(prices.end) - UNIX_MILLIS(prices.start)) AS ms,
    MIN(UNIX_MILLIS(prices.start)) AS first_ms,
    MAX(UNIX_MILLIS(prices.end)) AS last_ms
  FROM staged.prices AS prices
  GROUP BY prices.day, prices.cluster, prices.accelerator, prices.provider, prices.region, prices.purchase
)

SELECT skus.day, skus.cluster, skus.accelerator, skus.provider, skus.region, skus.purchase, 86400000 AS expected, covered.ms AS actual
FROM skus
LEFT JOIN covered
  ON covered.day = skus.day AND covered.cluster = skus.cluster AND covered.accelerator = skus.accelerator
  AND covered.provider IS NOT DISTINCT FROM skus.provider AND covered.region IS NOT DISTINCT FROM skus.region
  AND covered.purchase IS NOT DISTINCT FROM skus.purchase
WHERE covered.ms IS DISTINCT FROM 86400000 OR covered.last_ms - covered.first_ms <> 86400000
ORDER BY skus.day, skus.cluster, skus.accelerator
