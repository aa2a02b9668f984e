-- Cost of what could not be used, by who bears it.
SELECT cluster, team, SUM(cost) AS accounted
FROM charges
WHERE charge_kind = 'overhead'
GROUP BY cluster, team
ORDER BY cluster, team
