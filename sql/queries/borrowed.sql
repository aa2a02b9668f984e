-- Question: Which queues lived on borrowed accelerators, and whose quota lay unused?
-- @from DATE: first day
-- @to DATE: last day
-- By calendar month (UTC), in accelerator-hours. Used has borrowed in it; unused is the quota less what was used of it.
SELECT
  FORMAT_DATE('%Y-%m', quotas.day) AS month,
  quotas.cluster,
  quotas.cohort,
  quotas.queue,
  ROUND(SUM(quotas.quota_seconds) / 3600, 3) AS quota_hours,
  ROUND(SUM(quotas.used_seconds) / 3600, 3) AS used_hours,
  ROUND(SUM(quotas.borrowed_seconds) / 3600, 3) AS borrowed_hours,
  ROUND(SUM(quotas.quota_seconds - quotas.used_seconds + quotas.borrowed_seconds) / 3600, 3) AS unused_hours
FROM quotas
WHERE quotas.day BETWEEN @from AND @to
GROUP BY FORMAT_DATE('%Y-%m', quotas.day), quotas.cluster, quotas.cohort, quotas.queue
ORDER BY borrowed_hours DESC, month, quotas.cluster, quotas.cohort, quotas.queue
