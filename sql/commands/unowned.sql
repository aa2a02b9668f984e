-- Grain: the fact that a rule can name, else the place; what workloads without a team held and cost, the costliest first.
WITH held AS (
  SELECT
    charges.cluster,
    charges.pool,
    charges.workload_id,
    SUM(charges.device_seconds) AS device_seconds,
    SUM(charges.cost) AS cost,
    SUM(CASE WHEN charges.unit_price IS NULL THEN charges.device_seconds ELSE 0 END) AS unpriced_seconds,
    MAX(charges.currency) AS currency
  FROM charges
  WHERE charges.owner_team = 'unowned'
  GROUP BY charges.cluster, charges.pool, charges.workload_id
),

-- A workload with several attempts has the facts of the first that nobody owns.
named AS (
  SELECT workloads.cluster, workloads.workload_id, workloads.account, workloads.namespace, workloads.user
  FROM workloads
  WHERE workloads.workload_id IS NOT NULL
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY workloads.cluster, workloads.workload_id
    ORDER BY CASE WHEN workloads.owner_status = 'unowned' THEN 0 ELSE 1 END, workloads.day, workloads.attempt
  ) = 1
),

-- Rows without an id cannot be told apart in the charges: a fact is theirs where all of the pool share it.
nameless AS (
  SELECT
    workloads.cluster,
    workloads.pool,
    COUNT(*) AS workloads,
    CASE WHEN COUNT(workloads.account) = COUNT(*) AND MIN(workloads.account) = MAX(workloads.account) THEN MIN(workloads.account) END AS account,
    CASE WHEN COUNT(workloads.namespace) = COUNT(*) AND MIN(workloads.namespace) = MAX(workloads.namespace) THEN MIN(workloads.namespace) END AS namespace,
    CASE WHEN COUNT(workloads.user) = COUNT(*) AND MIN(workloads.user) = MAX(workloads.user) THEN MIN(workloads.user) END AS user
  FROM workloads
  WHERE workloads.workload_id IS NULL AND workloads.owner_status = 'unowned' AND workloads.start IS NOT NULL
  GROUP BY workloads.cluster, workloads.pool
),

facts AS (
  SELECT
    held.cluster,
    held.pool,
    held.workload_id,
    held.device_seconds,
    held.cost,
    held.unpriced_seconds,
    held.currency,
    COALESCE(nameless.workloads, 0) AS without_id,
    COALESCE(named.account, nameless.account) AS account,
    COALESCE(named.namespace, nameless.namespace) AS namespace,
    COALESCE(named.user, nameless.user) AS user
  FROM held
  LEFT JOIN named ON named.cluster = held.cluster AND named.workload_id = held.workload_id
  LEFT JOIN nameless ON nameless.cluster = held.cluster AND nameless.pool = held.pool AND held.workload_id IS NULL
),

-- What an id says before its first digit, where that is enough to tell jobs of one kind from others.
stems AS (
  SELECT
    facts.cluster,
    facts.pool,
    facts.workload_id,
    facts.device_seconds,
    facts.cost,
    facts.unpriced_seconds,
    facts.currency,
    facts.without_id,
    facts.account,
    facts.namespace,
    facts.user,
    CASE WHEN REGEXP_CONTAINS(facts.workload_id, r'^[^0-9]{3}') THEN REGEXP_REPLACE(facts.workload_id, r'[0-9].*$', '*') END AS stem
  FROM facts
),

chosen AS (
  SELECT
    CASE
      WHEN stems.account IS NOT NULL THEN 'account'
      WHEN stems.namespace IS NOT NULL THEN 'namespace'
      WHEN stems.user IS NOT NULL THEN 'user'
      WHEN stems.stem IS NOT NULL THEN 'workload_id'
      WHEN stems.workload_id IS NULL AND stems.without_id > 0 AND stems.pool <> '' THEN 'pool'
    END AS fact,
    COALESCE(stems.account, stems.namespace, stems.user, stems.stem, stems.pool) AS value,
    CASE WHEN COALESCE(stems.account, stems.namespace, stems.user) IS NULL THEN stems.cluster END AS cluster,
    stems.workload_id,
    CONCAT(stems.cluster, ' ', stems.workload_id) AS workload,
    stems.without_id,
    stems.device_seconds,
    stems.cost,
    stems.unpriced_seconds,
    stems.currency
  FROM stems
)

SELECT
  chosen.fact,
  chosen.value,
  chosen.cluster,
  COUNT(DISTINCT chosen.workload) + SUM(chosen.without_id) AS workloads,
  MIN(chosen.workload_id) AS workload_id,
  SUM(chosen.device_seconds) AS device_seconds,
  SUM(chosen.cost) AS cost,
  SUM(chosen.unpriced_seconds) AS unpriced_seconds,
  MAX(chosen.currency) AS currency
FROM chosen
GROUP BY chosen.fact, chosen.value, chosen.cluster
ORDER BY COALESCE(SUM(chosen.cost), 0) DESC, device_seconds DESC, chosen.fact, chosen.value, chosen.cluster
