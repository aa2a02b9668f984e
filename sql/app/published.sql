-- Grain: cluster; which days of it are published, and when that was done.
SELECT
  live.cluster,
  MIN(live.day) AS first_day,
  MAX(live.day) AS last_day,
  COUNT(*) AS days,
  MAX(live.published_at) AS published_at
FROM live_publications AS live
WHERE live.fingerprint <> 'empty'
GROUP BY live.cluster
ORDER BY live.cluster
