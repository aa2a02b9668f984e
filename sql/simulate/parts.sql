-- Published busy hours of workloads whose own parts of a device were measured.
SELECT cluster, team, model, SUM(busy_seconds) / 3600 AS accounted
FROM usage
WHERE split_method = 'measured'
GROUP BY cluster, team, model
ORDER BY cluster, team, model
