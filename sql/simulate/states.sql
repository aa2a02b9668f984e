-- Published accelerator-hours by state.
SELECT state, SUM(device_seconds) / 3600 AS accounted
FROM usage
GROUP BY state
ORDER BY state
