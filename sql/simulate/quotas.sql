-- Published accelerator-hours of quota, and those used and borrowed, by cluster and queue.
SELECT
  cluster,
  queue,
  SUM(quota_seconds) / 3600 AS quota,
  SUM(used_seconds) / 3600 AS used,
  SUM(borrowed_seconds) / 3600 AS borrowed
FROM quotas
GROUP BY cluster, queue
ORDER BY cluster, queue
