-- Question: In which pools did requests wait while accelerators that fit them were free?
-- @from DATE: first day
-- @to DATE: last day
-- Queued, stranded and free are accelerator-hours that nobody held; clock_hours are hours in which some were queued.
SELECT
  usage.cluster,
  usage.pool,
  usage.accelerator,
  COUNT(DISTINCT IF(usage.state = 'unallocated_queued', usage.hour, NULL)) AS clock_hours,
  ROUND(SUM(IF(usage.state = 'unallocated_queued', usage.device_seconds, 0)) / 3600, 3) AS queued_hours,
  ROUND(SUM(IF(usage.state = 'unallocated_stranded', usage.device_seconds, 0)) / 3600, 3) AS stranded_hours,
  ROUND(SUM(IF(usage.state = 'unallocated_free', usage.device_seconds, 0)) / 3600, 3) AS free_hours
FROM usage
WHERE usage.day BETWEEN @from AND @to
GROUP BY usage.cluster, usage.pool, usage.accelerator
HAVING SUM(IF(usage.state = 'unallocated_queued', usage.device_seconds, 0)) > 0
ORDER BY queued_hours DESC, usage.cluster, usage.pool, usage.accelerator
