-- fail: a charge that no spreading policy moved is not borne by its holder, its owner or the platform.
SELECT charges.day, charges.cluster, charges.charge_id, charges.charge_kind, charges.owner_team AS expected, charges.team AS actual
FROM staged.charges AS charges
LEFT JOIN run.platforms AS platforms ON platforms.team = charges.team
WHERE (charges.borne_by_rule IS NULL AND charges.charge_kind IN ('usage', 'idle') AND charges.team IS DISTINCT FROM charges.owner_team)
  OR (
    charges.borne_by_rule IS NULL AND charges.charge_kind IN ('unallocated', 'overhead')
    AND charges.team IS DISTINCT FROM COALESCE(charges.owner_team, platforms.team)
  )
  OR (charges.charge_kind = 'overhead' AND charges.borne_by_rule IS NOT NULL)
  OR (ENDS_WITH(charges.borne_by_rule, ':platform') AND platforms.team IS NULL)
ORDER BY charges.day, charges.charge_id
