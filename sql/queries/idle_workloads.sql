-- Question: Which workloads held accelerators idle for long, and do they still?
-- @from DATE: first day
-- @to DATE: last day
-- @hours NUMERIC = 8: accelerator-hours idle at least
-- Still held: at the end of what is known of the cluster.
WITH idle AS (
  SELECT
    charges.cluster,
    charges.workload_id,
    charges.owner_team,
    charges.model,
    MIN(charges.day) AS first_day,
    MAX(charges.day) AS last_day,
    SUM(charges.device_seconds) AS device_seconds,
    SUM(charges.cost) AS cost
  FROM charges
  WHERE charges.day BETWEEN @from AND @to AND charges.charge_kind = 'idle' AND charges.workload_id IS NOT NULL
  GROUP BY charges.cluster, charges.workload_id, charges.owner_team, charges.model
  HAVING SUM(charges.device_seconds) >= CAST(@hours AS NUMERIC) * 3600
),

held AS (
  SELECT workloads.cluster, workloads.workload_id, LOGICAL_OR(workloads.`end` IS NULL) AS still_held
  FROM workloads
  WHERE workloads.start IS NOT NULL
  GROUP BY workloads.cluster, workloads.workload_id
)

SELECT
  idle.cluster,
  idle.workload_id,
  idle.owner_team,
  idle.model,
  idle.first_day,
  idle.last_day,
  ROUND(idle.device_seconds / 3600, 3) AS idle_hours,
  ROUND(idle.cost, 2) AS cost,
  held.still_held
FROM idle
LEFT JOIN held ON held.cluster = idle.cluster AND held.workload_id = idle.workload_id
ORDER BY idle_hours DESC, idle.cluster, idle.workload_id, idle.owner_team, idle.model
