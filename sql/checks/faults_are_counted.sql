-- fail: a counted fault is not what capacity and usage show.
WITH stated AS (
  SELECT DISTINCT capacity.cluster, capacity.pool, capacity.accelerator
  FROM rebuilt.capacity AS capacity
),

pools AS (
  SELECT DISTINCT capacity.cluster, capacity.pool
  FROM rebuilt.capacity AS capacity
),

shown AS (
  SELECT capacity.cluster, capacity.day, 'over_allocated' AS fault, capacity.pool, capacity.accelerator,
    SUM(capacity.raised_seconds - capacity.stated_seconds) AS device_seconds
  FROM staged.capacity AS capacity
  JOIN stated ON stated.cluster = capacity.cluster AND stated.pool = capacity.pool AND stated.accelerator = capacity.accelerator
  GROUP BY capacity.cluster, capacity.day, capacity.pool, capacity.accelerator
  HAVING SUM(capacity.raised_seconds - capacity.stated_seconds) <> 0
  UNION ALL
  SELECT usage.cluster, usage.day, 'unallocated_use', usage.pool, usage.accelerator, SUM(usage.device_seconds)
  FROM staged.usage AS usage
  WHERE usage.source = 'samples'
  GROUP BY usage.cluster, usage.day, usage.pool, usage.accelerator
  UNION ALL
  SELECT usage.cluster, usage.day, 'no_matching_capacity', usage.pool, usage.accelerator, SUM(usage.device_seconds)
  FROM staged.usage AS usage
  JOIN pools ON pools.cluster = usage.cluster AND pools.pool = usage.pool
  LEFT JOIN stated ON stated.cluster = usage.cluster AND stated.pool = usage.pool AND stated.accelerator = usage.accelerator
  WHERE stated.pool IS NULL
  GROUP BY usage.cluster, usage.day, usage.pool, usage.accelerator
),

counted AS (
  SELECT faults.cluster, faults.day, faults.fault, faults.pool, faults.accelerator, SUM(faults.device_seconds) AS device_seconds, COUNT(*) AS times
  FROM staged.faults AS faults
  GROUP BY faults.cluster, faults.day, faults.fault, faults.pool, faults.accelerator
)

SELECT
  COALESCE(shown.cluster, counted.cluster) AS cluster,
  COALESCE(shown.day, counted.day) AS day,
  COALESCE(shown.fault, counted.fault) AS fault,
  COALESCE(shown.pool, counted.pool) AS pool,
  shown.device_seconds AS expected,
  counted.device_seconds AS actual
FROM shown
FULL JOIN counted
  ON counted.cluster = shown.cluster AND counted.day = shown.day AND counted.fault = shown.fault
  AND counted.pool = shown.pool AND counted.accelerator = shown.accelerator
WHERE counted.times > 1
  OR (
    COALESCE(shown.fault, counted.fault) IN ('over_allocated', 'unallocated_use', 'no_matching_capacity')
    AND ABS(COALESCE(shown.device_seconds, 0) - COALESCE(counted.device_seconds, 0)) > CAST('0.01' AS NUMERIC)
  )
ORDER BY day, cluster, fault, pool
