-- Question: What does my team bear this month, by model, and what did it bear the month before?
-- @team STRING: the team
-- @month STRING: billing month, YYYY-MM
-- Without a model: workloads that name none, and the team's part of what nobody held or could use.
WITH chosen AS (
  SELECT
    charges.model,
    charges.charge_kind,
    charges.cost,
    charges.device_seconds,
    charges.month = @month AS now
  FROM charges
  WHERE charges.team = @team
    AND charges.month IN (@month, FORMAT_DATE('%Y-%m', DATE_SUB(PARSE_DATE('%Y-%m', @month), INTERVAL 1 MONTH)))
)

SELECT
  chosen.model,
  chosen.charge_kind,
  ROUND(SUM(IF(chosen.now, chosen.cost, NULL)), 2) AS cost,
  ROUND(SUM(IF(chosen.now, NULL, chosen.cost)), 2) AS cost_before,
  ROUND(SUM(IF(chosen.now, chosen.cost, -chosen.cost)), 2) AS change,
  ROUND(SUM(IF(chosen.now AND chosen.cost IS NULL, chosen.device_seconds, 0)) / 3600, 3) AS unpriced_hours,
  ROUND(SUM(IF(NOT chosen.now AND chosen.cost IS NULL, chosen.device_seconds, 0)) / 3600, 3) AS unpriced_hours_before
FROM chosen
GROUP BY chosen.model, chosen.charge_kind
ORDER BY chosen.model, chosen.charge_kind
