-- Grain: one row; what made @publication for @cluster and @day: a run with the digest of its inputs, or a close with its own.
SELECT 'run' AS made_by, runs.ended AS made_at, published.fingerprint AS digest
FROM runs
LEFT JOIN publications AS published
  ON published.publication = runs.publication AND published.cluster = @cluster AND published.day = @day
WHERE runs.publication = @publication
UNION ALL
SELECT closes.action AS made_by, closes.made_at, closes.sha256 AS digest
FROM closes
WHERE closes.publication = @publication AND closes.action = 'close'
