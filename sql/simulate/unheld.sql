-- Cost of what no workload held, by pool.
SELECT cluster, pool, SUM(cost) AS accounted
FROM charges
WHERE workload_id IS NULL
GROUP BY cluster, pool
ORDER BY cluster, pool
