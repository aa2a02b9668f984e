-- fail: published capacity is not what the raw inputs state, or was not raised to what was held.
WITH published AS (
  SELECT capacity.cluster, capacity.pool, capacity.accelerator, capacity.day,
    SUM(capacity.stated_seconds) AS stated, SUM(capacity.raised_seconds) AS raised, COUNT(*) AS units
  FROM staged.capacity AS capacity
  GROUP BY capacity.cluster, capacity.pool, capacity.accelerator, capacity.day
)

SELECT
  COALESCE(pool_days.cluster, published.cluster) AS cluster,
  COALESCE(pool_days.pool, published.pool) AS pool,
  COALESCE(pool_days.accelerator, published.accelerator) AS accelerator,
  COALESCE(pool_days.day, published.day) AS day,
  CAST(COALESCE(pool_days.raised, 0) * CAST('0.000000001' AS NUMERIC) AS NUMERIC) AS expected,
  COALESCE(published.raised, 0) AS actual
FROM rebuilt.pool_days AS pool_days
FULL JOIN published
  ON published.cluster = pool_days.cluster AND published.pool = pool_days.pool
  AND published.accelerator = pool_days.accelerator AND published.day = pool_days.day
WHERE ABS(COALESCE(pool_days.raised, 0) - COALESCE(published.raised, 0) * 1000000000)
    > CASE WHEN pool_days.fractional THEN published.units * 500000 ELSE 0 END
  OR ABS(COALESCE(pool_days.stated, 0) - COALESCE(published.stated, 0) * 1000000000)
    > CASE WHEN pool_days.fractional THEN published.units * 500000 ELSE 0 END
ORDER BY day, cluster, pool, accelerator
