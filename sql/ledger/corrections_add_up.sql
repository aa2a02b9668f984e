-- fail: what was booked for a day of a closed month and the corrections of it do not add up to what is known of it.
WITH days AS (
  SELECT DISTINCT changed.cluster, changed.day
  FROM run.changed AS changed
),

known AS (
  SELECT charges.cluster, charges.day, SUM(charges.cost) AS cost, SUM(charges.device_seconds) AS device_seconds
  FROM staged.charges AS charges
  JOIN live_closes AS closed ON closed.month = charges.month
  JOIN days ON days.cluster = charges.cluster AND days.day = charges.day
  GROUP BY charges.cluster, charges.day
  UNION ALL
  SELECT charges.cluster, charges.day, SUM(charges.cost), SUM(charges.device_seconds)
  FROM store.charges AS charges
  JOIN live_publications AS live
    ON live.cluster = charges.cluster AND live.day = charges.day AND live.publication = charges.publication
  JOIN live_closes AS closed ON closed.month = charges.month
  JOIN days ON days.cluster = charges.cluster AND days.day = charges.day
  LEFT JOIN run.redone AS redone ON redone.cluster = charges.cluster AND redone.day = charges.day
  WHERE redone.day IS NULL
  GROUP BY charges.cluster, charges.day
),

booked AS (
  SELECT ledger.cluster, ledger.day, SUM(ledger.cost) AS cost, SUM(ledger.device_seconds) AS device_seconds
  FROM store.ledger AS ledger
  JOIN live_closes AS closed ON closed.month = ledger.month AND closed.publication = ledger.publication
  JOIN days ON days.cluster = ledger.cluster AND days.day = ledger.day
  GROUP BY ledger.cluster, ledger.day
  UNION ALL
  SELECT adjustments.cluster, adjustments.day, SUM(adjustments.cost), SUM(adjustments.device_seconds)
  FROM staged.adjustments AS adjustments
  JOIN days ON days.cluster = adjustments.cluster AND days.day = adjustments.day
  WHERE adjustments.charge_kind = 'correction'
  GROUP BY adjustments.cluster, adjustments.day
),

sums AS (
  SELECT
    COALESCE(known.cluster, booked.cluster) AS cluster,
    COALESCE(known.day, booked.day) AS day,
    COALESCE(known.cost, 0) AS known_cost,
    COALESCE(booked.cost, 0) AS booked_cost,
    COALESCE(known.device_seconds, 0) AS known_seconds,
    COALESCE(booked.device_seconds, 0) AS booked_seconds
  FROM known
  FULL JOIN (
    SELECT booked.cluster, booked.day, SUM(booked.cost) AS cost, SUM(booked.device_seconds) AS device_seconds
    FROM booked
    GROUP BY booked.cluster, booked.day
  ) AS booked
    ON booked.cluster = known.cluster AND booked.day = known.day
)

SELECT sums.cluster, sums.day, sums.known_cost AS expected, sums.booked_cost AS actual, sums.known_seconds, sums.booked_seconds
FROM sums
WHERE sums.known_cost <> sums.booked_cost OR sums.known_seconds <> sums.booked_seconds
ORDER BY sums.day, sums.cluster
