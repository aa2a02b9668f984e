-- Grain: month; the close that counts, of months that are closed.
SELECT
  closes.month,
  closes.publication,
  closes.seq,
  closes.made_at AS closed_at,
  closes.who AS closed_by,
  closes.`rows`,
  closes.cost,
  closes.currency,
  closes.known,
  closes.versions,
  closes.rows_sha256,
  closes.sha256
FROM store.closes AS closes
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY closes.month ORDER BY closes.seq DESC) = 1 AND closes.action = 'close'
