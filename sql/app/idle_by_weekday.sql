-- Grain: day of the week (1: Sunday) and hour (UTC); what was held, what of it was observed, and what of that was idle.
SELECT
  EXTRACT(DAYOFWEEK FROM usage.day) AS slot,
  EXTRACT(HOUR FROM usage.hour) AS hour,
  SUM(CASE WHEN usage.state LIKE 'allocated_%' THEN usage.device_seconds END) AS held_seconds,
  SUM(CASE WHEN usage.state IN ('allocated_active', 'allocated_idle') THEN usage.device_seconds END) AS observed_seconds,
  SUM(CASE WHEN usage.state = 'allocated_idle' THEN usage.device_seconds END) AS idle_seconds
FROM usage
WHERE usage.day BETWEEN @from AND @to
  AND (@cluster IS NULL OR usage.cluster = @cluster)
  AND (@team IS NULL OR CASE WHEN usage.state LIKE 'allocated_%' THEN COALESCE(usage.team, 'unowned') ELSE usage.capacity_owner END = @team)
  AND (@accelerator IS NULL OR usage.accelerator = @accelerator)
GROUP BY 1, 2
ORDER BY 1, 2
