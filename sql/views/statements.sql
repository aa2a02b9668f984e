-- Grain: number; every statement that was issued; void where its month was opened again.
SELECT
  statements.number,
  statements.month,
  statements.team,
  statements.publication,
  statements.cost,
  statements.amount,
  statements.currency,
  statements.issued_at,
  CASE WHEN closed.month IS NULL THEN 'void' ELSE 'issued' END AS state
FROM store.statements AS statements
LEFT JOIN live_closes AS closed ON closed.month = statements.month AND closed.publication = statements.publication
