-- Grain: publication; the run that published last.
SELECT
  runs.publication,
  runs.started,
  runs.ended,
  runs.from_day,
  runs.to_day,
  runs.cluster_days,
  runs.cost,
  runs.unpriced_seconds,
  runs.residual_seconds,
  runs.residual_cost
FROM runs
ORDER BY runs.ended DESC, runs.publication DESC
LIMIT 1
