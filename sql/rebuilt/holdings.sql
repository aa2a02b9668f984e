-- Grain: piece of a holding; who draws on which device, or (device_id NULL, also with negative quantity) on a pool as a whole.
WITH held AS (
  SELECT jobs.cluster, jobs.pool, jobs.accelerator, jobs.device_id, jobs.workload_id, jobs.quantity_ppm, jobs.start_ms, jobs.end_ms
  FROM rebuilt.jobs AS jobs
  WHERE jobs.start_ms < jobs.end_ms
),

-- What two sources tell of one workload: rows that name a device, merged, take the place of those that name none.
named AS (
  SELECT
    held.cluster, held.workload_id, held.start_ms, held.end_ms,
    MAX(held.end_ms) OVER (
      PARTITION BY held.cluster, held.workload_id ORDER BY held.start_ms, held.end_ms ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS reach_ms
  FROM held
  WHERE held.device_id IS NOT NULL AND held.quantity_ppm > 0
    AND held.workload_id IN (SELECT unnamed.workload_id FROM held AS unnamed WHERE unnamed.device_id IS NULL)
),

stretches AS (
  SELECT
    named.cluster, named.workload_id, named.start_ms, named.end_ms,
    SUM(CASE WHEN named.reach_ms >= named.start_ms THEN 0 ELSE 1 END) OVER (
      PARTITION BY named.cluster, named.workload_id ORDER BY named.start_ms, named.end_ms ROWS UNBOUNDED PRECEDING
    ) AS stretch
  FROM named
),

covered AS (
  SELECT stretches.cluster, stretches.workload_id, MIN(stretches.start_ms) AS start_ms, MAX(stretches.end_ms) AS end_ms
  FROM stretches
  GROUP BY stretches.cluster, stretches.workload_id, stretches.stretch
),

known AS (
  SELECT DISTINCT capacity.cluster, capacity.device_id
  FROM rebuilt.capacity AS capacity
  WHERE capacity.device_id IS NOT NULL
),

stated AS (
  SELECT DISTINCT capacity.cluster, capacity.pool
  FROM rebuilt.capacity AS capacity
),

online AS (
  SELECT
    held.cluster,
    held.pool AS asked_pool,
    held.accelerator AS asked_accelerator,
    capacity.pool,
    capacity.accelerator,
    capacity.device_id,
    held.quantity_ppm,
    GREATEST(held.start_ms, capacity.start_ms) AS start_ms,
    LEAST(held.end_ms, capacity.end_ms) AS end_ms
  FROM held
  JOIN rebuilt.capacity AS capacity ON capacity.cluster = held.cluster AND capacity.device_id = held.device_id
  WHERE held.start_ms < capacity.end_ms AND capacity.start_ms < held.end_ms
)

SELECT online.cluster, online.pool, online.accelerator, online.device_id, online.quantity_ppm, online.start_ms, online.end_ms
FROM online
UNION ALL
SELECT online.cluster, online.asked_pool, online.asked_accelerator, CAST(NULL AS STRING), -online.quantity_ppm, online.start_ms, online.end_ms
FROM online
UNION ALL
SELECT
  held.cluster,
  held.pool,
  held.accelerator,
  CASE WHEN known.device_id IS NULL AND stated.pool IS NULL THEN held.device_id END AS device_id,
  held.quantity_ppm,
  held.start_ms,
  held.end_ms
FROM held
LEFT JOIN known ON known.cluster = held.cluster AND known.device_id = held.device_id
LEFT JOIN stated ON stated.cluster = held.cluster AND stated.pool = held.pool
UNION ALL
SELECT
  held.cluster, held.pool, held.accelerator, CAST(NULL AS STRING), -held.quantity_ppm,
  GREATEST(held.start_ms, covered.start_ms), LEAST(held.end_ms, covered.end_ms)
FROM held
JOIN covered ON covered.cluster = held.cluster AND covered.workload_id = held.workload_id
WHERE held.device_id IS NULL AND held.start_ms < covered.end_ms AND covered.start_ms < held.end_ms
