-- Grain: capacity row; the effective capacity, from the raw rows: keyed rows replace each other, a later start cuts an earlier row.
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
