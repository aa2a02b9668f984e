-- The peer: DuckDB reads the same log and writes the same hourly usage rows and daily charges, in one script.
CREATE TABLE prices AS SELECT * FROM read_csv('prices.csv', columns = {'gpu': 'VARCHAR', 'price': 'DECIMAL(38, 9)'});
CREATE TABLE capacity AS SELECT * FROM read_csv('capacity.csv');
CREATE TABLE jobs AS SELECT * FROM read_csv('jobs.csv');
CREATE TABLE held AS
SELECT
  hour_ms, jobs.*, prices.price,
  (least(end_ms, hour_ms + 3600000) - greatest(start_ms, hour_ms)) * gpus AS ms
FROM jobs, prices, unnest(range(start_ms // 3600000 * 3600000, end_ms, 3600000)) AS hours(hour_ms)
WHERE prices.gpu = jobs.gpu AND end_ms > hour_ms;
CREATE TABLE hours AS
SELECT unnest(range((SELECT min(start_ms) FROM jobs) // 3600000 * 3600000, (SELECT max(end_ms) FROM jobs), 3600000)) AS hour_ms;
CREATE TABLE rows AS
SELECT hour_ms, cluster, pool, gpu, 'gcp' AS provider, job, team, model, 'allocated_unobserved' AS state, 'exclusive' AS sharing, 'claim' AS owner_status, 'scheduler' AS source, price, ms
FROM held
UNION ALL
SELECT
  hours.hour_ms, capacity.cluster, capacity.pool, capacity.gpu, capacity.provider, NULL, NULL, NULL, 'unallocated_free', NULL, NULL, 'capacity', prices.price,
  capacity.n * (least(hours.hour_ms + 3600000, (SELECT max(end_ms) FROM jobs)) - greatest(hours.hour_ms, (SELECT min(start_ms) FROM jobs))) - coalesce(busy.ms, 0)
FROM capacity
CROSS JOIN hours
JOIN prices ON prices.gpu = capacity.gpu
LEFT JOIN (SELECT pool, hour_ms, sum(ms) AS ms FROM held GROUP BY ALL) AS busy ON busy.pool = capacity.pool AND busy.hour_ms = hours.hour_ms;
COPY (
  SELECT
    make_timestamptz(hour_ms * 1000) AS hour, make_timestamptz(hour_ms * 1000)::DATE AS day, strftime(make_timestamptz(hour_ms * 1000), '%Y-%m') AS month,
    cluster, pool, NULL::VARCHAR AS node, NULL::VARCHAR AS device_id, gpu AS accelerator, provider, NULL::VARCHAR AS region, NULL::VARCHAR AS purchase,
    NULL::VARCHAR AS capacity_owner, job AS workload_id, team, NULL::VARCHAR AS cost_center, owner_status, model, NULL::VARCHAR AS purpose, state, sharing,
    NULL::VARCHAR AS split_method, NULL::DECIMAL(18, 3) AS error_bound, (ms::DECIMAL(18, 3) * 0.001::DECIMAL(4, 3))::DECIMAL(18, 3) AS device_seconds,
    NULL::DECIMAL(18, 3) AS busy_seconds, NULL::DECIMAL(18, 3) AS energy_joules, source, gpu AS price_id, 'run' AS publication
  FROM rows ORDER BY hour_ms, pool, job, state
) TO 'usage.parquet' (COMPRESSION zstd);
COPY (
  SELECT
    md5(concat_ws('|', day, team, model, job, cluster, pool, gpu, provider, state)) AS charge_id, day, strftime(day, '%Y-%m') AS month,
    coalesce(team, 'platform') AS team, team AS owner_team, NULL::VARCHAR AS cost_center, model, NULL::VARCHAR AS purpose, job AS workload_id, cluster, pool,
    gpu AS accelerator, provider, NULL::VARCHAR AS region, NULL::VARCHAR AS purchase, state,
    CASE WHEN state = 'unallocated_free' THEN 'unallocated' ELSE 'usage' END AS charge_kind, NULL::VARCHAR AS borne_by_rule,
    (ms::DECIMAL(18, 3) * 0.001::DECIMAL(4, 3))::DECIMAL(18, 3) AS device_seconds, price AS unit_price, gpu AS price_id, 'priced' AS price_status,
    (price * ms::DECIMAL(18, 0) / 3600000)::DECIMAL(38, 9) AS cost, NULL::DECIMAL(38, 9) AS used_cost,
    (price * ms::DECIMAL(18, 0) / 3600000)::DECIMAL(38, 9) AS list_cost, 'USD' AS currency, 'run' AS publication
  FROM (
    SELECT make_timestamptz(hour_ms * 1000)::DATE AS day, team, model, job, cluster, pool, gpu, provider, state, price, sum(ms)::BIGINT AS ms
    FROM rows GROUP BY ALL
  )
  ORDER BY day, team, charge_id
) TO 'charges.parquet' (COMPRESSION zstd);
