-- Grain: cluster, workload and who held it; the costliest idle holders, and the most hours in a row with idle time.
WITH held AS (
  SELECT
    charges.cluster,
    charges.pool,
    charges.workload_id,
    charges.owner_team,
    charges.model,
    charges.purpose,
    SUM(CASE WHEN charges.charge_kind = 'idle' THEN charges.device_seconds END) AS idle_seconds,
    SUM(CASE WHEN charges.charge_kind = 'idle' THEN charges.cost END) AS idle_cost,
    SUM(CASE WHEN charges.state IN ('allocated_active', 'allocated_idle') THEN charges.device_seconds END) AS observed_seconds,
    SUM(CASE WHEN charges.state = 'allocated_unobserved' THEN charges.device_seconds END) AS unobserved_seconds,
    SUM(CASE WHEN charges.state = 'allocated_unobserved' THEN charges.cost END) AS unobserved_cost,
    SUM(CASE WHEN charges.state LIKE 'allocated_%' THEN charges.device_seconds END) AS held_seconds
  FROM charges
  WHERE charges.day BETWEEN @from AND @to
    AND (@cluster IS NULL OR charges.cluster = @cluster)
    AND (@team IS NULL OR charges.owner_team = @team)
    AND (@accelerator IS NULL OR charges.accelerator = @accelerator)
    AND charges.workload_id IS NOT NULL
  GROUP BY charges.cluster, charges.pool, charges.workload_id, charges.owner_team, charges.model, charges.purpose
),

top AS (
  SELECT
    held.cluster,
    held.pool,
    held.workload_id,
    held.owner_team,
    held.model,
    held.purpose,
    held.idle_seconds,
    held.idle_cost,
    held.observed_seconds,
    held.held_seconds
  FROM held
  WHERE held.idle_seconds > 0
  ORDER BY COALESCE(held.idle_cost, 0) DESC, held.idle_seconds DESC, held.cluster, held.workload_id, held.pool, held.owner_team
  LIMIT 15
),

hours AS (
  SELECT DISTINCT usage.cluster, usage.pool, usage.workload_id, usage.hour
  FROM usage
  WHERE usage.day BETWEEN @from AND @to AND usage.state = 'allocated_idle' AND usage.workload_id IS NOT NULL
),

runs_of_hours AS (
  SELECT
    hours.cluster,
    hours.pool,
    hours.workload_id,
    DIV(UNIX_SECONDS(hours.hour), 3600)
      - ROW_NUMBER() OVER (PARTITION BY hours.cluster, hours.pool, hours.workload_id ORDER BY hours.hour) AS run
  FROM hours
),

lengths AS (
  SELECT runs_of_hours.cluster, runs_of_hours.pool, runs_of_hours.workload_id, COUNT(*) AS hours
  FROM runs_of_hours
  GROUP BY runs_of_hours.cluster, runs_of_hours.pool, runs_of_hours.workload_id, runs_of_hours.run
),

longest AS (
  SELECT lengths.cluster, lengths.pool, lengths.workload_id, MAX(lengths.hours) AS hours
  FROM lengths
  GROUP BY lengths.cluster, lengths.pool, lengths.workload_id
)

SELECT
  top.cluster,
  top.pool,
  top.workload_id,
  top.owner_team,
  top.model,
  top.purpose,
  top.idle_seconds,
  top.idle_cost,
  top.observed_seconds,
  top.held_seconds,
  longest.hours AS longest_hours
FROM top
LEFT JOIN longest
  ON longest.cluster = top.cluster AND longest.pool = top.pool AND longest.workload_id = top.workload_id
ORDER BY COALESCE(top.idle_cost, 0) DESC, top.idle_seconds DESC, top.cluster, top.workload_id, top.pool, top.owner_team
