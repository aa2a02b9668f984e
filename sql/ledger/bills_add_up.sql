-- fail: the charges of a provider in a month and the lines that reconcile them do not add up to its bill.
WITH billed AS (
  SELECT invoice.month, invoice.provider, SUM(invoice.cost) + SUM(invoice.credits) AS cost, MAX(invoice.day) AS last_day
  FROM run.invoice AS invoice
  GROUP BY invoice.month, invoice.provider
),

charged AS (
  SELECT charges.month, COALESCE(charges.provider, '') AS provider, charges.day, charges.cost
  FROM staged.charges AS charges
  UNION ALL
  SELECT charges.month, COALESCE(charges.provider, ''), charges.day, charges.cost
  FROM store.charges AS charges
  JOIN live_publications AS live
    ON live.cluster = charges.cluster AND live.day = charges.day AND live.publication = charges.publication
  LEFT JOIN run.redone AS redone ON redone.cluster = charges.cluster AND redone.day = charges.day
  WHERE redone.day IS NULL
),

computed AS (
  SELECT charged.month, charged.provider, charged.cost
  FROM charged
  JOIN billed ON billed.month = charged.month AND billed.provider = charged.provider AND charged.day <= billed.last_day
  UNION ALL
  SELECT adjustments.month, adjustments.provider, adjustments.cost
  FROM staged.adjustments AS adjustments
  JOIN billed ON billed.month = adjustments.month AND billed.provider = adjustments.provider
  WHERE adjustments.corrects IS NULL
    -- a bill that is not complete yet says nothing of what commitments do on later days
    AND (adjustments.day <= billed.last_day OR NOT REGEXP_CONTAINS(COALESCE(adjustments.borne_by_rule, ''), '^(commitment|reservation):'))
),

sums AS (
  SELECT computed.month, computed.provider, SUM(computed.cost) AS cost
  FROM computed
  GROUP BY computed.month, computed.provider
)

SELECT billed.month, billed.provider, billed.cost AS expected, sums.cost AS actual
FROM billed
LEFT JOIN sums ON sums.month = billed.month AND sums.provider = billed.provider
WHERE COALESCE(sums.cost, 0) <> billed.cost
ORDER BY billed.month, billed.provider
