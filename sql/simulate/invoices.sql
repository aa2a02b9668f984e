-- Charges of Google's capacity by month, and of them what its invoice brought.
SELECT
  month,
  SUM(cost) AS total_told,
  SUM(CASE WHEN charge_kind = 'commitment_unused' THEN cost ELSE 0 END) AS unused_told,
  SUM(CASE WHEN charge_kind = 'credit' THEN cost ELSE 0 END) AS credits_told
FROM charges
WHERE provider = 'gcp'
GROUP BY month
ORDER BY month
