-- Grain: hour, place, workload and state; rows of the live publication of their cluster-day.
SELECT
  usage.hour,
  usage.day,
  usage.month,
  usage.cluster,
  usage.pool,
  usage.node,
  usage.device_id,
  usage.accelerator,
  usage.provider,
  usage.region,
  usage.purchase,
  usage.capacity_owner,
  usage.workload_id,
  usage.team,
  usage.cost_center,
  usage.owner_status,
  usage.model,
  usage.purpose,
  usage.state,
  usage.sharing,
  usage.split_method,
  usage.error_bound,
  usage.device_seconds,
  usage.busy_seconds,
  usage.energy_joules,
  usage.co2e_grams,
  usage.source,
  usage.price_id,
  usage.publication
FROM store.usage AS usage
JOIN live_publications AS live
  ON live.cluster = usage.cluster AND live.day = usage.day AND live.publication = usage.publication
