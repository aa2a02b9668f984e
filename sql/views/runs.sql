-- Grain: publication; runs of the pipeline.
SELECT
  runs.publication,
  runs.started,
  runs.ended,
  runs.from_day,
  runs.to_day,
  runs.cluster_days,
  runs.usage_rows,
  runs.charge_rows,
  runs.cost,
  runs.residual_seconds,
  runs.residual_cost,
  runs.unpriced_seconds
FROM store.runs AS runs
