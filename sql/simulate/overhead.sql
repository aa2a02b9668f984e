-- Cost of what could not be used, by who bears it.
SELECT team, SUM(cost) AS accounted
FROM charges
WHERE charge_kind = 'overhead'
GROUP BY team
ORDER BY team
