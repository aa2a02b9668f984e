-- Question: What has no team, and what has no price?
-- @month STRING: billing month, YYYY-MM
-- What lacks both is in both. The rule or price to add: chipledger owners, chipledger run.
WITH lacking AS (
  SELECT
    'team' AS lacks,
    charges.cluster,
    charges.pool,
    charges.accelerator,
    charges.workload_id,
    charges.device_seconds,
    charges.cost
  FROM charges
  WHERE charges.month = @month AND charges.owner_team = 'unowned'
  UNION ALL
  SELECT
    'price',
    charges.cluster,
    charges.pool,
    charges.accelerator,
    charges.workload_id,
    charges.device_seconds,
    charges.cost
  FROM charges
  WHERE charges.month = @month AND charges.cost IS NULL
)

SELECT
  lacking.lacks,
  lacking.cluster,
  lacking.pool,
  lacking.accelerator,
  COUNT(DISTINCT lacking.workload_id) AS workloads,
  ROUND(SUM(lacking.device_seconds) / 3600, 3) AS hours,
  ROUND(SUM(lacking.cost), 2) AS cost
FROM lacking
GROUP BY lacking.lacks, lacking.cluster, lacking.pool, lacking.accelerator
ORDER BY lacking.lacks, hours DESC, lacking.cluster, lacking.pool, lacking.accelerator
