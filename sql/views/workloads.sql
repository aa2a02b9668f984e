-- Grain: attempt of a workload, in the day it started; rows of the live publication of their cluster-day.
SELECT
  workloads.day,
  workloads.cluster,
  workloads.attempt,
  workloads.workload_id,
  workloads.team,
  workloads.owner_status,
  workloads.cost_center,
  workloads.model,
  workloads.purpose,
  workloads.user,
  workloads.account,
  workloads.namespace,
  workloads.pool,
  workloads.node,
  workloads.device_id,
  workloads.accelerator,
  workloads.quantity,
  workloads.submitted,
  workloads.start,
  workloads.`end`,
  workloads.outcome,
  workloads.priority,
  workloads.publication
FROM store.workloads AS workloads
JOIN live_publications AS live
  ON live.cluster = workloads.cluster AND live.day = workloads.day AND live.publication = workloads.publication
