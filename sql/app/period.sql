-- Grain: one row; whether @month is closed, since when, and how many statements were issued.
SELECT
  MAX(periods.state) AS state,
  MAX(periods.closed_at) AS closed_at,
  MAX(periods.statements) AS statements
FROM periods
WHERE periods.month = @month
