-- Grain: number; disputes of charges of @month, and those whose credit is charged in it: open ones first.
SELECT
  opened.number,
  opened.charge_id,
  opened.month,
  opened.team,
  opened.cost,
  opened.currency,
  opened.reason,
  opened.who,
  opened.made_at,
  opened.state,
  answered.credit,
  answered.payer,
  answered.booked,
  answered.reason AS answer
FROM disputes AS opened
LEFT JOIN disputes AS answered ON answered.number = opened.number AND answered.action <> 'open'
WHERE opened.action = 'open'
  AND (opened.month = @month OR answered.booked = @month)
  AND (@team IS NULL OR opened.team = @team OR answered.payer = @team)
ORDER BY answered.number IS NOT NULL, opened.number DESC
LIMIT 50
