-- fail: what is published of serving engines is not what they counted on that day.
WITH counted AS (
  SELECT
    served.cluster, days.day, DIV(served.end_ms - 1, 3600000) AS hour_number, served.workload_id, served.model, served.engine,
    SUM(served.requests) AS requests, SUM(served.input_tokens) AS input_tokens, SUM(served.output_tokens) AS output_tokens,
    SUM(served.busy_ms) AS busy_ms
  FROM run.served AS served
  JOIN run.days AS days ON days.cluster = served.cluster AND DIV(served.end_ms - 1, 86400000) = DIV(days.start_ms, 86400000)
  GROUP BY served.cluster, days.day, hour_number, served.workload_id, served.model, served.engine
),

published AS (
  SELECT
    serving.cluster, serving.day, DIV(UNIX_MILLIS(serving.hour), 3600000) AS hour_number, serving.workload_id, serving.model, serving.engine,
    SUM(serving.requests) AS requests, SUM(serving.input_tokens) AS input_tokens, SUM(serving.output_tokens) AS output_tokens,
    CAST(SUM(serving.busy_seconds) * 1000 AS INT64) AS busy_ms, COUNT(*) AS times
  FROM staged.serving AS serving
  GROUP BY serving.cluster, serving.day, hour_number, serving.workload_id, serving.model, serving.engine
)

SELECT
  COALESCE(counted.cluster, published.cluster) AS cluster,
  COALESCE(counted.day, published.day) AS day,
  COALESCE(counted.workload_id, published.workload_id) AS workload_id,
  COALESCE(counted.model, published.model) AS model,
  counted.output_tokens AS expected,
  published.output_tokens AS actual
FROM counted
FULL JOIN published
  ON published.cluster = counted.cluster AND published.day = counted.day AND published.hour_number = counted.hour_number
  AND published.workload_id = counted.workload_id AND published.model = counted.model AND published.engine = counted.engine
WHERE counted.cluster IS NULL OR published.cluster IS NULL OR published.times > 1
  OR counted.requests IS DISTINCT FROM published.requests
  OR counted.input_tokens IS DISTINCT FROM published.input_tokens
  OR counted.output_tokens IS DISTINCT FROM published.output_tokens
  OR counted.busy_ms IS DISTINCT FROM published.busy_ms
ORDER BY cluster, day, workload_id, model
