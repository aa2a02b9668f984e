-- Grain: kind and value; what there is to choose from in all that is published.
WITH choices AS (
  SELECT 'month' AS kind, charges.month AS value
  FROM charges
  UNION DISTINCT
  SELECT 'cluster', live.cluster
  FROM live_publications AS live
  WHERE live.fingerprint <> 'empty'
  UNION DISTINCT
  SELECT 'team', charges.team
  FROM charges
  UNION DISTINCT
  SELECT 'team', charges.owner_team
  FROM charges
  WHERE charges.owner_team IS NOT NULL
  UNION DISTINCT
  SELECT 'accelerator', charges.accelerator
  FROM charges
)

SELECT choices.kind, choices.value
FROM choices
ORDER BY choices.kind, choices.value
