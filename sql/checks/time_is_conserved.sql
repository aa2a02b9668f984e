-- fail: accelerator time by usage is not the capacity, rebuilt from the raw inputs.
WITH accounted AS (
  SELECT usage.cluster, usage.pool, usage.accelerator, usage.day, SUM(usage.device_seconds) AS device_seconds, COUNT(*) AS units
  FROM staged.usage AS usage
  GROUP BY usage.cluster, usage.pool, usage.accelerator, usage.day
),

compared AS (
  SELECT
    COALESCE(pool_days.cluster, accounted.cluster) AS cluster,
    COALESCE(pool_days.pool, accounted.pool) AS pool,
    COALESCE(pool_days.accelerator, accounted.accelerator) AS accelerator,
    COALESCE(pool_days.day, accounted.day) AS day,
    COALESCE(pool_days.raised, 0) AS expected,
    COALESCE(accounted.device_seconds, 0) * 1000000000 AS actual,
    CASE WHEN pool_days.fractional THEN accounted.units * 500000 ELSE 0 END AS slack
  FROM rebuilt.pool_days AS pool_days
  FULL JOIN accounted
    ON accounted.cluster = pool_days.cluster AND accounted.pool = pool_days.pool
    AND accounted.accelerator = pool_days.accelerator AND accounted.day = pool_days.day
)

SELECT
  compared.cluster,
  compared.pool,
  compared.accelerator,
  compared.day,
  CAST(compared.expected * CAST('0.000000001' AS NUMERIC) AS NUMERIC) AS expected,
  CAST(compared.actual * CAST('0.000000001' AS NUMERIC) AS NUMERIC) AS actual
FROM compared
WHERE ABS(compared.expected - compared.actual) > compared.slack
ORDER BY compared.day, compared.cluster, compared.pool, compared.accelerator
