-- fail: the cost of charges is not price × time, rounded half to even per device-hour or pool-hour.
WITH units AS (
  SELECT usage.cluster, usage.pool, usage.accelerator, usage.day, usage.price_id, usage.hour, usage.device_id,
    CAST(SUM(usage.device_seconds) * 1000 AS INT64) AS ms
  FROM staged.usage AS usage
  WHERE usage.price_id IS NOT NULL
  GROUP BY usage.cluster, usage.pool, usage.accelerator, usage.day, usage.price_id, usage.hour, usage.device_id
),

book AS (
  SELECT prices.price_id, CAST(MAX(prices.price_per_hour) * 1000000000 AS INT64) AS nano
  FROM staged.prices AS prices
  WHERE prices.price_id IS NOT NULL
  GROUP BY prices.price_id
),

divided AS (
  SELECT
    units.cluster, units.pool, units.accelerator, units.day, units.price_id,
    book.nano * DIV(units.ms, 3600000) + DIV(book.nano * MOD(units.ms, 3600000), 3600000) AS quotient,
    MOD(book.nano * MOD(units.ms, 3600000), 3600000) AS rest
  FROM units
  JOIN book ON book.price_id = units.price_id
),

priced AS (
  SELECT
    divided.cluster, divided.pool, divided.accelerator, divided.day, divided.price_id,
    SUM(
      divided.quotient
      + CASE WHEN divided.rest * 2 > 3600000 OR (divided.rest * 2 = 3600000 AND MOD(divided.quotient, 2) <> 0) THEN 1 ELSE 0 END
    ) AS nano
  FROM divided
  GROUP BY divided.cluster, divided.pool, divided.accelerator, divided.day, divided.price_id
),

charged AS (
  SELECT charges.cluster, charges.pool, charges.accelerator, charges.day, charges.price_id,
    CAST(SUM(charges.cost) * 1000000000 AS INT64) AS nano
  FROM staged.charges AS charges
  WHERE charges.price_id IS NOT NULL
  GROUP BY charges.cluster, charges.pool, charges.accelerator, charges.day, charges.price_id
)

SELECT
  COALESCE(priced.cluster, charged.cluster) AS cluster,
  COALESCE(priced.pool, charged.pool) AS pool,
  COALESCE(priced.accelerator, charged.accelerator) AS accelerator,
  COALESCE(priced.day, charged.day) AS day,
  COALESCE(priced.price_id, charged.price_id) AS price_id,
  CAST(priced.nano AS NUMERIC) * CAST('0.000000001' AS NUMERIC) AS expected,
  CAST(charged.nano AS NUMERIC) * CAST('0.000000001' AS NUMERIC) AS actual
FROM priced
FULL JOIN charged
  ON charged.cluster = priced.cluster AND charged.pool = priced.pool AND charged.accelerator = priced.accelerator
  AND charged.day = priced.day AND charged.price_id = priced.price_id
WHERE priced.nano IS DISTINCT FROM charged.nano
ORDER BY day, cluster, pool, price_id
