-- Grain: cluster, cohort and queue; quota and use of accelerators in the days of the filter, no team's: the most borrowed first.
SELECT
  quotas.cluster,
  quotas.cohort,
  quotas.queue,
  SUM(quotas.quota_seconds) AS quota_seconds,
  SUM(quotas.used_seconds) AS used_seconds,
  SUM(quotas.borrowed_seconds) AS borrowed_seconds,
  SUM(quotas.quota_seconds - quotas.used_seconds + quotas.borrowed_seconds) AS unused_seconds
FROM quotas
WHERE quotas.day BETWEEN @from AND @to
  AND (@cluster IS NULL OR quotas.cluster = @cluster)
  AND @team IS NULL
  AND (@accelerator IS NULL OR quotas.accelerator = @accelerator)
GROUP BY quotas.cluster, quotas.cohort, quotas.queue
ORDER BY SUM(quotas.borrowed_seconds) DESC, unused_seconds DESC, quotas.cluster, quotas.cohort, quotas.queue
