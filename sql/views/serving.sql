-- Grain: hour, workload, model and engine; rows of the live publication of their cluster-day.
SELECT
  serving.hour,
  serving.day,
  serving.cluster,
  serving.workload_id,
  serving.team,
  serving.model,
  serving.engine,
  serving.requests,
  serving.input_tokens,
  serving.output_tokens,
  serving.busy_seconds,
  serving.publication
FROM store.serving AS serving
JOIN live_publications AS live
  ON live.cluster = serving.cluster AND live.day = serving.day AND live.publication = serving.publication
