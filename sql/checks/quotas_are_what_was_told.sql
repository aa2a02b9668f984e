-- fail: what is published of quotas is not what was told of them on that day, or was not borrowed as it was used.
WITH pieces AS (
  SELECT
    quotas.cluster, days.day, DIV(UNIX_MILLIS(hour), 3600000) AS hour_number, quotas.queue, quotas.cohort, quotas.flavor, quotas.accelerator,
    CAST(LEAST(quotas.end_ms, UNIX_MILLIS(hour) + 3600000) - GREATEST(quotas.start_ms, UNIX_MILLIS(hour)) AS NUMERIC) AS ms,
    quotas.nominal_ppm, quotas.used_ppm
  FROM run.quotas AS quotas
  CROSS JOIN UNNEST(GENERATE_TIMESTAMP_ARRAY(
    TIMESTAMP_TRUNC(TIMESTAMP_MILLIS(quotas.start_ms), HOUR), TIMESTAMP_MILLIS(quotas.end_ms - 1), INTERVAL 1 HOUR)) AS hour
  JOIN run.days AS days ON days.cluster = quotas.cluster AND days.day = DATE(hour)
),

told AS (
  SELECT
    pieces.cluster, pieces.day, pieces.hour_number, pieces.queue, COALESCE(pieces.cohort, '') AS in_cohort, pieces.flavor, pieces.accelerator,
    SUM(pieces.ms * pieces.nominal_ppm) AS quota, SUM(pieces.ms * pieces.used_ppm) AS used,
    SUM(CASE WHEN pieces.used_ppm > pieces.nominal_ppm THEN pieces.ms * (pieces.used_ppm - pieces.nominal_ppm) ELSE 0 END) AS borrowed
  FROM pieces
  GROUP BY pieces.cluster, pieces.day, pieces.hour_number, pieces.queue, in_cohort, pieces.flavor, pieces.accelerator
),

published AS (
  SELECT
    quotas.cluster, quotas.day, DIV(UNIX_MILLIS(quotas.hour), 3600000) AS hour_number, quotas.queue, COALESCE(quotas.cohort, '') AS in_cohort,
    quotas.flavor, quotas.accelerator, SUM(quotas.quota_seconds) AS quota, SUM(quotas.used_seconds) AS used,
    SUM(quotas.borrowed_seconds) AS borrowed, COUNT(*) AS times
  FROM staged.quotas AS quotas
  GROUP BY quotas.cluster, quotas.day, hour_number, quotas.queue, in_cohort, quotas.flavor, quotas.accelerator
)

SELECT
  COALESCE(told.cluster, published.cluster) AS cluster,
  COALESCE(told.day, published.day) AS day,
  COALESCE(told.queue, published.queue) AS queue,
  COALESCE(told.flavor, published.flavor) AS flavor,
  COALESCE(told.accelerator, published.accelerator) AS accelerator,
  CAST(told.used * CAST('0.000000001' AS NUMERIC) AS NUMERIC) AS expected,
  published.used AS actual
FROM told
FULL JOIN published
  ON published.cluster = told.cluster AND published.day = told.day AND published.hour_number = told.hour_number AND published.queue = told.queue
  AND published.in_cohort = told.in_cohort AND published.flavor = told.flavor AND published.accelerator = told.accelerator
WHERE told.cluster IS NULL OR published.cluster IS NULL OR published.times > 1
  OR ABS(told.quota - published.quota * 1000000000) > 500000
  OR ABS(told.used - published.used * 1000000000) > 500000
  OR ABS(told.borrowed - published.borrowed * 1000000000) > 500000
ORDER BY cluster, day, queue, flavor, accelerator
