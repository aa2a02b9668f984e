-- Cost of what no workload held and could be used, by pool.
SELECT cluster, pool, SUM(cost) AS accounted
FROM charges
WHERE workload_id IS NULL AND state NOT IN ('maintenance', 'unhealthy')
GROUP BY cluster, pool
ORDER BY cluster, pool
