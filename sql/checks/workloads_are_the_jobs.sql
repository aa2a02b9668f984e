-- fail: published attempts are not the effective jobs that began on those days.
WITH begun AS (
  SELECT
    jobs.cluster, jobs.pool, jobs.accelerator, jobs.workload_id, jobs.start_ms, jobs.said_end_ms AS end_ms, jobs.quantity_ppm, COUNT(*) AS attempts
  FROM rebuilt.jobs AS jobs
  JOIN run.days AS days
    ON days.cluster = jobs.cluster
    AND DIV(COALESCE(jobs.start_ms, jobs.submitted_ms, jobs.said_end_ms), 86400000) = DIV(days.start_ms, 86400000)
  GROUP BY jobs.cluster, jobs.pool, jobs.accelerator, jobs.workload_id, jobs.start_ms, jobs.said_end_ms, jobs.quantity_ppm
),

published AS (
  SELECT
    workloads.cluster, workloads.pool, workloads.accelerator, workloads.workload_id, UNIX_MILLIS(workloads.start) AS start_ms,
    UNIX_MILLIS(workloads.end) AS end_ms, CAST(workloads.quantity * 1000000 AS INT64) AS quantity_ppm, COUNT(*) AS attempts
  FROM staged.workloads AS workloads
  GROUP BY workloads.cluster, workloads.pool, workloads.accelerator, workloads.workload_id, start_ms, end_ms, quantity_ppm
)

SELECT
  COALESCE(begun.cluster, published.cluster) AS cluster,
  COALESCE(begun.pool, published.pool) AS pool,
  COALESCE(begun.workload_id, published.workload_id) AS workload_id,
  begun.attempts AS expected,
  published.attempts AS actual
FROM begun
FULL JOIN published
  ON published.cluster = begun.cluster AND published.pool = begun.pool AND published.accelerator = begun.accelerator
  AND published.workload_id IS NOT DISTINCT FROM begun.workload_id AND published.start_ms IS NOT DISTINCT FROM begun.start_ms
  AND published.end_ms IS NOT DISTINCT FROM begun.end_ms AND published.quantity_ppm = begun.quantity_ppm
WHERE begun.attempts IS DISTINCT FROM published.attempts
ORDER BY cluster, pool, workload_id
