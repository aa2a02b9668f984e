-- Question: Where did the cost of a team change most from one day to the next?
-- @from DATE: first day
-- @to DATE: last day
-- Between days that are both published; the newest may be a part of a day. Unpriced time changes the hours and not the cost.
WITH sums AS (
  SELECT charges.day, charges.team, SUM(charges.cost) AS cost, SUM(charges.device_seconds) AS device_seconds
  FROM charges
  WHERE charges.day BETWEEN DATE_SUB(@from, INTERVAL 1 DAY) AND @to
  GROUP BY charges.day, charges.team
),

pairs AS (
  SELECT sums.day, sums.team, sums.cost, sums.device_seconds, CAST(NULL AS NUMERIC) AS cost_before, CAST(NULL AS NUMERIC) AS seconds_before
  FROM sums
  UNION ALL
  SELECT DATE_ADD(sums.day, INTERVAL 1 DAY), sums.team, NULL, NULL, sums.cost, sums.device_seconds
  FROM sums
),

changes AS (
  SELECT
    pairs.day,
    pairs.team,
    SUM(pairs.cost) AS cost,
    SUM(pairs.cost_before) AS cost_before,
    COALESCE(SUM(pairs.cost), 0) - COALESCE(SUM(pairs.cost_before), 0) AS change,
    SUM(pairs.device_seconds) AS device_seconds,
    SUM(pairs.seconds_before) AS seconds_before
  FROM pairs
  WHERE pairs.day BETWEEN @from AND @to
    AND pairs.day IN (SELECT sums.day FROM sums)
    AND DATE_SUB(pairs.day, INTERVAL 1 DAY) IN (SELECT sums.day FROM sums)
  GROUP BY pairs.day, pairs.team
)

SELECT
  changes.day,
  changes.team,
  ROUND(changes.cost, 2) AS cost,
  ROUND(changes.cost_before, 2) AS cost_before,
  ROUND(changes.change, 2) AS change,
  ROUND(changes.device_seconds / 3600, 3) AS hours,
  ROUND(changes.seconds_before / 3600, 3) AS hours_before
FROM changes
ORDER BY ABS(changes.change) DESC, changes.day, changes.team
LIMIT 10
