-- Question: How old is what is published of each cluster?
-- @today DATE = NULL: the day to count from; NULL: today (UTC)
SELECT
  live.cluster,
  MAX(live.day) AS last_day,
  DATE_DIFF(COALESCE(CAST(@today AS DATE), CURRENT_DATE()), MAX(live.day), DAY) AS days_behind,
  MAX(live.published_at) AS published_at
FROM live_publications AS live
WHERE live.fingerprint <> 'empty'
GROUP BY live.cluster
ORDER BY days_behind DESC, live.cluster
