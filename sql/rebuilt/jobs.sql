-- Grain: attempt; the effective jobs, from the raw rows: a later import of a key replaces it, a job that started no longer waits;
-- what agents told last of each holding, by the name that any of them has for the workload; and what of other collectors' words counts.
WITH started AS (
  SELECT jobs.cluster, jobs.workload_id, MAX(jobs.import_seq) AS import_seq
  FROM input.jobs AS jobs
  WHERE jobs.start_ms IS NOT NULL
    AND jobs.workload_id IN (SELECT waiting.workload_id FROM input.jobs AS waiting WHERE waiting.start_ms IS NULL)
  GROUP BY jobs.cluster, jobs.workload_id
),

names AS (
  SELECT told.cluster, told.kind, told.uid, MIN(told.workload_id) AS workload_id
  FROM input.agent_holdings AS told
  WHERE told.workload_id <> told.uid AND told.workload_id <> CONCAT('pod:', told.uid)
  GROUP BY told.cluster, told.kind, told.uid
),

named AS (
  SELECT
    told.cluster, told.pool, told.accelerator, told.device_id, told.instance_id, told.quantity_ppm, told.start_ms, told.until_ms,
    CASE
      WHEN told.workload_id = told.uid OR told.workload_id = CONCAT('pod:', told.uid) THEN COALESCE(names.workload_id, told.workload_id)
      ELSE told.workload_id
    END AS workload_id
  FROM input.agent_holdings AS told
  LEFT JOIN names ON names.cluster = told.cluster AND names.kind = told.kind AND names.uid = told.uid
  WHERE COALESCE(told.source, 'agent') = 'agent'
),

held AS (
  SELECT
    held.cluster, held.pool, held.accelerator, held.device_id, held.workload_id, held.quantity_ppm, held.start_ms, held.until_ms
  FROM named AS held
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY held.cluster, held.workload_id, held.device_id, held.instance_id, held.start_ms, held.accelerator
    ORDER BY held.until_ms DESC, held.quantity_ppm DESC, held.pool DESC
  ) = 1
)

SELECT
  jobs.cluster,
  jobs.pool,
  quantities.canonical AS accelerator,
  jobs.device_id,
  jobs.workload_id,
  quantities.chips_ppm AS quantity_ppm,
  jobs.start_ms,
  COALESCE(jobs.end_ms, spans.watermark_ms) AS end_ms,
  jobs.end_ms AS said_end_ms,
  jobs.submitted_ms
FROM input.jobs AS jobs
JOIN rebuilt.quantities AS quantities ON quantities.accelerator = jobs.accelerator AND quantities.quantity_ppm = jobs.quantity_ppm
JOIN run.spans AS spans ON spans.cluster = jobs.cluster
LEFT JOIN started ON started.cluster = jobs.cluster AND started.workload_id = jobs.workload_id
WHERE jobs.start_ms < spans.end_ms
  OR (jobs.start_ms IS NULL AND COALESCE(started.import_seq, 0) <= jobs.import_seq)
QUALIFY
  jobs.workload_id IS NULL
  OR RANK() OVER (
    PARTITION BY jobs.cluster, jobs.workload_id, jobs.start_ms, jobs.node, jobs.device_id
    ORDER BY jobs.import_seq DESC
  ) = 1
UNION ALL
SELECT
  held.cluster, held.pool, quantities.canonical, held.device_id, held.workload_id, quantities.chips_ppm, held.start_ms, held.until_ms,
  held.until_ms, CAST(NULL AS INT64)
FROM held
JOIN rebuilt.quantities AS quantities ON quantities.accelerator = held.accelerator AND quantities.quantity_ppm = held.quantity_ppm
JOIN run.spans AS spans ON spans.cluster = held.cluster
WHERE held.start_ms < spans.end_ms
UNION ALL
SELECT
  told.cluster, told.pool, told.accelerator, told.device_id, told.workload_id, told.quantity_ppm, told.start_ms, told.end_ms,
  told.end_ms, told.submitted_ms
FROM run.told_jobs AS told
JOIN run.spans AS spans ON spans.cluster = told.cluster
WHERE told.start_ms IS NULL OR told.start_ms < spans.end_ms
