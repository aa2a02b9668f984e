-- Grain: seq; every close and reopening, in order.
SELECT
  closes.seq,
  closes.month,
  closes.action,
  closes.publication,
  closes.made_at,
  closes.who,
  closes.reason,
  closes.`rows`,
  closes.cost,
  closes.currency,
  closes.known,
  closes.versions,
  closes.previous,
  closes.rows_sha256,
  closes.sha256
FROM store.closes AS closes
