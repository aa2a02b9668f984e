-- Published busy hours by cluster, where anything was observed.
SELECT cluster, SUM(busy_seconds) / 3600 AS accounted
FROM usage
WHERE busy_seconds IS NOT NULL
GROUP BY cluster
ORDER BY cluster
