-- Grain: capacity row; the effective capacity, from the raw rows: keyed rows replace each other, a later start cuts an earlier row;
-- devices that collectors saw and no imported row speaks of, by device, node or pool; and what they counted beside these.
WITH latest AS (
  SELECT
    capacity.cluster,
    capacity.pool,
    quantities.canonical AS accelerator,
    capacity.device_id,
    capacity.node,
    quantities.chips_ppm AS quantity_ppm,
    capacity.start_ms AS said_start_ms,
    COALESCE(capacity.start_ms, spans.event_ms) AS start_ms,
    LEAST(COALESCE(capacity.end_ms, spans.watermark_ms), spans.watermark_ms) AS end_ms
  FROM input.capacity AS capacity
  JOIN rebuilt.quantities AS quantities
    ON quantities.accelerator = capacity.accelerator AND quantities.quantity_ppm = capacity.quantity_ppm
  JOIN run.spans AS spans ON spans.cluster = capacity.cluster
  QUALIFY
    (capacity.device_id IS NULL AND capacity.node IS NULL)
    OR ROW_NUMBER() OVER (
      PARTITION BY capacity.cluster, capacity.node, capacity.device_id, capacity.accelerator, capacity.start_ms
      ORDER BY capacity.import_seq DESC
    ) = 1
),

following AS (
  SELECT
    latest.cluster,
    latest.pool,
    latest.accelerator,
    latest.device_id,
    latest.quantity_ppm,
    latest.start_ms,
    latest.end_ms,
    CASE
      WHEN latest.device_id IS NOT NULL
        THEN LEAD(latest.said_start_ms) OVER (PARTITION BY latest.device_id ORDER BY latest.said_start_ms)
      WHEN latest.node IS NOT NULL
        THEN LEAD(latest.said_start_ms) OVER (
          PARTITION BY latest.cluster, latest.device_id, latest.node, latest.accelerator, latest.pool ORDER BY latest.said_start_ms
        )
    END AS next_ms
  FROM latest
),

seen AS (
  SELECT
    devices.cluster, devices.node, devices.device_id, devices.pool, devices.accelerator,
    CASE COALESCE(devices.source, 'agent') WHEN 'agent' THEN 0 WHEN 'prometheus' THEN 1 WHEN 'cloud_monitoring' THEN 2 ELSE 3 END AS trust,
    MIN(devices.first_ms) OVER (PARTITION BY COALESCE(devices.source, 'agent'), devices.cluster, devices.node, devices.device_id) AS first_ms,
    devices.last_ms
  FROM input.agent_devices AS devices
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY COALESCE(devices.source, 'agent'), devices.cluster, devices.node, devices.device_id
    ORDER BY devices.last_ms DESC, devices.pool DESC, devices.accelerator DESC
  ) = 1
),

ends AS (
  SELECT seen.device_id, seen.first_ms AS at_ms
  FROM seen
  UNION DISTINCT
  SELECT seen.device_id, seen.last_ms
  FROM seen
),

pieces AS (
  SELECT ends.device_id, ends.at_ms AS first_ms, LEAD(ends.at_ms) OVER (PARTITION BY ends.device_id ORDER BY ends.at_ms) AS last_ms
  FROM ends
),

leaving AS (
  SELECT
    seen.cluster, seen.pool, quantities.canonical AS accelerator, seen.device_id, quantities.chips_ppm AS quantity_ppm, seen.node,
    pieces.first_ms, pieces.last_ms
  FROM pieces
  JOIN seen ON seen.device_id = pieces.device_id AND seen.first_ms <= pieces.first_ms AND seen.last_ms >= pieces.last_ms
  JOIN rebuilt.quantities AS quantities ON quantities.accelerator = seen.accelerator AND quantities.quantity_ppm = 1000000
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY pieces.device_id, pieces.first_ms
      ORDER BY seen.trust, seen.first_ms DESC, seen.cluster DESC, seen.node DESC
    ) = 1
)

SELECT
  following.cluster,
  following.pool,
  following.accelerator,
  following.device_id,
  following.quantity_ppm,
  following.start_ms,
  LEAST(following.end_ms, COALESCE(following.next_ms, following.end_ms)) AS end_ms
FROM following
WHERE LEAST(following.end_ms, COALESCE(following.next_ms, following.end_ms)) > following.start_ms
UNION ALL
SELECT
  leaving.cluster, leaving.pool, leaving.accelerator, leaving.device_id, leaving.quantity_ppm, leaving.first_ms,
  LEAST(leaving.last_ms, spans.watermark_ms)
FROM leaving
JOIN run.spans AS spans ON spans.cluster = leaving.cluster
WHERE leaving.last_ms > leaving.first_ms AND spans.watermark_ms > leaving.first_ms
  AND NOT EXISTS (SELECT 1 FROM input.capacity AS stated WHERE stated.device_id = leaving.device_id)
  AND NOT EXISTS (
    SELECT 1 FROM input.capacity AS stated
    WHERE stated.device_id IS NULL AND stated.cluster = leaving.cluster AND stated.node = leaving.node
  )
  AND NOT EXISTS (
    SELECT 1 FROM latest AS stated
    WHERE stated.device_id IS NULL AND stated.node IS NULL
      AND stated.cluster = leaving.cluster AND stated.pool = leaving.pool AND stated.accelerator = leaving.accelerator
  )
UNION ALL
SELECT
  counted.cluster, counted.pool, counted.accelerator, CAST(NULL AS STRING), counted.quantity_ppm, counted.start_ms,
  LEAST(counted.end_ms, spans.watermark_ms)
FROM run.told_capacity AS counted
JOIN run.spans AS spans ON spans.cluster = counted.cluster
WHERE spans.watermark_ms > counted.start_ms
