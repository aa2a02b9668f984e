-- Grain: seq; every line of a dispute, in order; state is what its dispute has come to by now.
SELECT
  disputes.seq,
  disputes.number,
  disputes.action,
  disputes.charge_id,
  disputes.month,
  disputes.team,
  disputes.cost,
  disputes.currency,
  disputes.credit,
  disputes.payer,
  disputes.booked,
  disputes.made_at,
  disputes.who,
  disputes.reason,
  CASE LAST_VALUE(disputes.action) OVER (
    PARTITION BY disputes.number
    ORDER BY disputes.seq
    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
  )
    WHEN 'open' THEN 'open'
    WHEN 'credit' THEN 'credited'
    ELSE 'rejected'
  END AS state
FROM store.disputes AS disputes
