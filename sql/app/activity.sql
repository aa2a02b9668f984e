-- Grain: one row; what was held in the days of the filter, how much of it was observed, and how busy that was.
SELECT
  SUM(CASE WHEN usage.state LIKE 'allocated_%' THEN usage.device_seconds END) AS held_seconds,
  SUM(CASE WHEN usage.busy_seconds IS NOT NULL THEN usage.device_seconds END) AS observed_seconds,
  SUM(usage.busy_seconds) AS busy_seconds
FROM usage
WHERE usage.day BETWEEN @from AND @to
  AND (@cluster IS NULL OR usage.cluster = @cluster)
  AND (@team IS NULL OR CASE WHEN usage.state LIKE 'allocated_%' THEN COALESCE(usage.team, 'unowned') ELSE usage.capacity_owner END = @team)
  AND (@accelerator IS NULL OR usage.accelerator = @accelerator)
