-- Question: How much is held and how busy is it, by hour of the week?
-- @from DATE: first day
-- @to DATE: last day
-- Hours are UTC; the week begins on Sunday, day 1.
SELECT
  EXTRACT(DAYOFWEEK FROM usage.day) AS day_of_week,
  FORMAT_DATE('%a', usage.day) AS weekday,
  EXTRACT(HOUR FROM usage.hour) AS hour_of_day,
  ROUND(SUM(usage.device_seconds) / 3600, 3) AS hours,
  ROUND(SAFE_DIVIDE(SUM(IF(STARTS_WITH(usage.state, 'allocated_'), usage.device_seconds, 0)), SUM(usage.device_seconds)), 3) AS held,
  ROUND(
    SAFE_DIVIDE(
      SUM(IF(usage.state IN ('allocated_active', 'allocated_idle'), usage.busy_seconds, NULL)),
      SUM(IF(usage.state IN ('allocated_active', 'allocated_idle'), usage.device_seconds, NULL))
    ),
    3
  ) AS busy_of_observed
FROM usage
WHERE usage.day BETWEEN @from AND @to
GROUP BY EXTRACT(DAYOFWEEK FROM usage.day), FORMAT_DATE('%a', usage.day), EXTRACT(HOUR FROM usage.hour)
ORDER BY day_of_week, hour_of_day
