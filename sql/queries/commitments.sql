-- Question: What did commitments save, for whom, and what did they cost that nobody used?
-- @month STRING: billing month, YYYY-MM
-- `shared` are those without an owner: what they save is in the price of all that is eligible. `bill` is what only the provider's bill tells of.
WITH parts AS (
  SELECT
    COALESCE(charges.borne_by_rule, 'bill') AS commitment,
    charges.accelerator,
    charges.team,
    IF(charges.charge_kind = 'credit', -charges.cost, 0) AS saved,
    IF(charges.charge_kind = 'commitment_unused', charges.cost, 0) AS unused
  FROM charges
  WHERE charges.month = @month AND charges.corrects IS NULL
    AND (charges.charge_kind = 'commitment_unused' OR REGEXP_CONTAINS(COALESCE(charges.borne_by_rule, ''), '^(commitment|reservation):'))
  UNION ALL
  SELECT 'shared', charges.accelerator, charges.team, charges.list_cost - charges.cost, 0
  FROM charges
  WHERE charges.month = @month AND charges.corrects IS NULL
    AND charges.price_id IN (SELECT prices.price_id FROM prices WHERE prices.kind = 'committed')
)

SELECT
  parts.commitment,
  parts.accelerator,
  parts.team,
  ROUND(SUM(parts.saved), 2) AS saved,
  ROUND(SUM(parts.unused), 2) AS unused,
  ROUND(SUM(parts.saved) - SUM(parts.unused), 2) AS worth
FROM parts
GROUP BY parts.commitment, parts.accelerator, parts.team
ORDER BY parts.commitment, parts.accelerator, parts.team
