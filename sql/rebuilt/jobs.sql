-- Grain: attempt; the effective jobs, from the raw rows: a later import of a key replaces it.
SELECT
  jobs.cluster,
  jobs.pool,
  names.canonical AS accelerator,
  jobs.device_id,
  jobs.workload_id,
  DIV(jobs.quantity_ppm * names.chips_ppm, 1000000) AS quantity_ppm,
  jobs.start_ms,
  COALESCE(jobs.end_ms, spans.watermark_ms) AS end_ms,
  jobs.end_ms AS said_end_ms,
  jobs.submitted_ms
FROM input.jobs AS jobs
JOIN run.names AS names ON names.accelerator = jobs.accelerator
JOIN run.spans AS spans ON spans.cluster = jobs.cluster
WHERE jobs.start_ms IS NULL OR jobs.start_ms < spans.end_ms
QUALIFY
  jobs.workload_id IS NULL
  OR ROW_NUMBER() OVER (
    PARTITION BY jobs.cluster, jobs.workload_id, jobs.start_ms, jobs.node, jobs.device_id, jobs.accelerator
    ORDER BY jobs.import_seq DESC
  ) = 1
