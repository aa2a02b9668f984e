-- Published busy hours of workloads whose own parts of a device were measured.
SELECT team, model, SUM(busy_seconds) / 3600 AS accounted
FROM usage
WHERE split_method = 'measured'
GROUP BY team, model
ORDER BY team, model
