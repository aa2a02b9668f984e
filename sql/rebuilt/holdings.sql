-- Grain: piece of a holding; who draws on which device, or (device_id NULL, also with negative quantity) on a pool as a whole.
WITH held AS (
  SELECT jobs.cluster, jobs.pool, jobs.accelerator, jobs.device_id, jobs.quantity_ppm, jobs.start_ms, jobs.end_ms
  FROM rebuilt.jobs AS jobs
  WHERE jobs.start_ms < jobs.end_ms
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
