-- Grain: hour, queue, cohort, flavor and accelerator; rows of the live publication of their cluster-day.
SELECT
  quotas.hour,
  quotas.day,
  quotas.cluster,
  quotas.cohort,
  quotas.queue,
  quotas.flavor,
  quotas.accelerator,
  quotas.quota_seconds,
  quotas.used_seconds,
  quotas.borrowed_seconds,
  quotas.publication
FROM store.quotas AS quotas
JOIN live_publications AS live
  ON live.cluster = quotas.cluster AND live.day = quotas.day AND live.publication = quotas.publication
