-- Grain: facts, team and owner_status of workloads that began; from when and to when (NULL: still open) there were such.
SELECT
  workloads.cluster,
  workloads.pool,
  workloads.namespace,
  workloads.account,
  workloads.user,
  workloads.node,
  workloads.accelerator,
  workloads.workload_id,
  workloads.model,
  workloads.team,
  workloads.owner_status,
  UNIX_MILLIS(MIN(workloads.start)) AS start,
  CASE WHEN COUNT(workloads.`end`) = COUNT(*) THEN UNIX_MILLIS(MAX(workloads.`end`)) END AS `end`
FROM workloads
WHERE workloads.start IS NOT NULL
GROUP BY
  workloads.cluster,
  workloads.pool,
  workloads.namespace,
  workloads.account,
  workloads.user,
  workloads.node,
  workloads.accelerator,
  workloads.workload_id,
  workloads.model,
  workloads.team,
  workloads.owner_status
