-- Grain: cluster, pool, accelerator, day; capacity as stated and as raised, in millionths of a device-millisecond.
WITH device_events AS (
  SELECT holdings.cluster, holdings.pool, holdings.accelerator, holdings.device_id, holdings.start_ms AS at_ms, holdings.quantity_ppm AS held, 0 AS there
  FROM rebuilt.holdings AS holdings
  WHERE holdings.device_id IS NOT NULL
  UNION ALL
  SELECT holdings.cluster, holdings.pool, holdings.accelerator, holdings.device_id, holdings.end_ms, -holdings.quantity_ppm, 0
  FROM rebuilt.holdings AS holdings
  WHERE holdings.device_id IS NOT NULL
  UNION ALL
  SELECT capacity.cluster, capacity.pool, capacity.accelerator, capacity.device_id, capacity.start_ms, 0, capacity.quantity_ppm
  FROM rebuilt.capacity AS capacity
  WHERE capacity.device_id IS NOT NULL
  UNION ALL
  SELECT capacity.cluster, capacity.pool, capacity.accelerator, capacity.device_id, capacity.end_ms, 0, -capacity.quantity_ppm
  FROM rebuilt.capacity AS capacity
  WHERE capacity.device_id IS NOT NULL
),

device_instants AS (
  SELECT
    events.cluster, events.pool, events.accelerator, events.device_id, events.at_ms,
    SUM(events.held) AS held, SUM(events.there) AS there
  FROM device_events AS events
  GROUP BY events.cluster, events.pool, events.accelerator, events.device_id, events.at_ms
),

device_levels AS (
  SELECT
    instants.cluster, instants.pool, instants.accelerator, instants.device_id, instants.at_ms,
    SUM(instants.held) OVER (PARTITION BY instants.cluster, instants.pool, instants.accelerator, instants.device_id ORDER BY instants.at_ms) AS held,
    SUM(instants.there) OVER (PARTITION BY instants.cluster, instants.pool, instants.accelerator, instants.device_id ORDER BY instants.at_ms) AS there
  FROM device_instants AS instants
),

device_raised AS (
  SELECT
    levels.cluster, levels.pool, levels.accelerator, levels.device_id, levels.at_ms, levels.there,
    GREATEST(levels.there, LEAST(levels.held, GREATEST(levels.there, 1000000))) AS raised,
    CASE WHEN levels.held = 0 THEN levels.there ELSE 0 END AS whole
  FROM device_levels AS levels
),

device_changes AS (
  SELECT
    raised.cluster, raised.pool, raised.accelerator, raised.at_ms,
    raised.there - COALESCE(LAG(raised.there) OVER (PARTITION BY raised.cluster, raised.pool, raised.accelerator, raised.device_id ORDER BY raised.at_ms), 0) AS there,
    raised.raised - COALESCE(LAG(raised.raised) OVER (PARTITION BY raised.cluster, raised.pool, raised.accelerator, raised.device_id ORDER BY raised.at_ms), 0) AS raised,
    raised.whole - COALESCE(LAG(raised.whole) OVER (PARTITION BY raised.cluster, raised.pool, raised.accelerator, raised.device_id ORDER BY raised.at_ms), 0) AS whole
  FROM device_raised AS raised
),

pool_events AS (
  SELECT changes.cluster, changes.pool, changes.accelerator, changes.at_ms, changes.there, changes.raised, changes.whole, 0 AS pooled, 0 AS drawn
  FROM device_changes AS changes
  UNION ALL
  SELECT capacity.cluster, capacity.pool, capacity.accelerator, capacity.start_ms, capacity.quantity_ppm, 0, 0, capacity.quantity_ppm, 0
  FROM rebuilt.capacity AS capacity
  WHERE capacity.device_id IS NULL
  UNION ALL
  SELECT capacity.cluster, capacity.pool, capacity.accelerator, capacity.end_ms, -capacity.quantity_ppm, 0, 0, -capacity.quantity_ppm, 0
  FROM rebuilt.capacity AS capacity
  WHERE capacity.device_id IS NULL
  UNION ALL
  SELECT holdings.cluster, holdings.pool, holdings.accelerator, holdings.start_ms, 0, 0, 0, 0, holdings.quantity_ppm
  FROM rebuilt.holdings AS holdings
  WHERE holdings.device_id IS NULL
  UNION ALL
  SELECT holdings.cluster, holdings.pool, holdings.accelerator, holdings.end_ms, 0, 0, 0, 0, -holdings.quantity_ppm
  FROM rebuilt.holdings AS holdings
  WHERE holdings.device_id IS NULL
),

pools AS (
  SELECT DISTINCT events.cluster, events.pool, events.accelerator
  FROM pool_events AS events
),

marked AS (
  SELECT events.cluster, events.pool, events.accelerator, events.at_ms, events.there, events.raised, events.whole, events.pooled, events.drawn
  FROM pool_events AS events
  UNION ALL
  SELECT pools.cluster, pools.pool, pools.accelerator, days.start_ms, 0, 0, 0, 0, 0
  FROM pools
  JOIN run.days AS days ON days.cluster = pools.cluster
  UNION ALL
  SELECT pools.cluster, pools.pool, pools.accelerator, days.end_ms, 0, 0, 0, 0, 0
  FROM pools
  JOIN run.days AS days ON days.cluster = pools.cluster
),

instants AS (
  SELECT
    marked.cluster, marked.pool, marked.accelerator, marked.at_ms,
    SUM(marked.there) AS there, SUM(marked.raised) AS raised, SUM(marked.whole) AS whole,
    SUM(marked.pooled) AS pooled, SUM(marked.drawn) AS drawn
  FROM marked
  GROUP BY marked.cluster, marked.pool, marked.accelerator, marked.at_ms
),

levels AS (
  SELECT
    instants.cluster, instants.pool, instants.accelerator, instants.at_ms,
    LEAD(instants.at_ms) OVER pool_time AS next_ms,
    SUM(instants.there) OVER pool_time AS there,
    SUM(instants.raised) OVER pool_time AS raised,
    SUM(instants.whole) OVER pool_time AS whole,
    SUM(instants.pooled) OVER pool_time AS pooled,
    SUM(instants.drawn) OVER pool_time AS drawn
  FROM instants
  WINDOW pool_time AS (PARTITION BY instants.cluster, instants.pool, instants.accelerator ORDER BY instants.at_ms)
)

SELECT
  levels.cluster,
  levels.pool,
  levels.accelerator,
  days.day,
  SUM(CAST((levels.next_ms - levels.at_ms) AS NUMERIC) * levels.there) AS stated,
  SUM(
    CAST((levels.next_ms - levels.at_ms) AS NUMERIC)
    * (levels.raised + levels.pooled + GREATEST(0, levels.drawn - levels.pooled - levels.whole))
  ) AS raised,
  MAX(MOD(levels.raised, 1000000) + MOD(levels.pooled, 1000000) + MOD(levels.drawn, 1000000)) > 0 AS fractional
FROM levels
JOIN run.days AS days ON days.cluster = levels.cluster AND DIV(levels.at_ms, 86400000) = DIV(days.start_ms, 86400000)
WHERE levels.next_ms > levels.at_ms
GROUP BY levels.cluster, levels.pool, levels.accelerator, days.day
