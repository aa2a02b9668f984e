-- Grain: month; open, or closed with what the close fixed. Months that have charges, or had.
WITH months AS (
  SELECT charges.month, COUNT(*) AS `rows`, SUM(charges.cost) AS cost, MAX(charges.currency) AS currency,
    SUM(CASE WHEN charges.cost IS NULL THEN charges.device_seconds END) AS unpriced_seconds
  FROM charges
  GROUP BY charges.month
),

issued AS (
  SELECT statements.publication, COUNT(*) AS statements
  FROM store.statements AS statements
  GROUP BY statements.publication
)

SELECT
  months.month,
  CASE WHEN closed.month IS NULL THEN 'open' ELSE 'closed' END AS state,
  months.`rows`,
  months.cost,
  months.currency,
  months.unpriced_seconds,
  closed.seq AS close_seq,
  closed.closed_at,
  closed.closed_by,
  issued.statements,
  closed.rows_sha256,
  closed.sha256,
  closed.versions
FROM months
LEFT JOIN live_closes AS closed ON closed.month = months.month
LEFT JOIN issued ON issued.publication = closed.publication
