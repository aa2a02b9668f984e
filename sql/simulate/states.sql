-- Published accelerator-hours by cluster and state.
SELECT cluster, state, SUM(device_seconds) / 3600 AS accounted
FROM usage
GROUP BY cluster, state
ORDER BY cluster, state
