-- Cost of what could not be used, by who bears it.
SELECT cluster, team, SUM(cost) AS accounted
FROM charges
WHERE state IN ('maintenance', 'unhealthy')
GROUP BY cluster, team
ORDER BY cluster, team
