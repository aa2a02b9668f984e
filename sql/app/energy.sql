-- Grain: team that held, NULL where nobody did; what was measured of energy in @month, and what it emits by [[grid]]; none where nothing was.
SELECT
  IF(usage.owner_status IS NULL, NULL, COALESCE(usage.team, 'unowned')) AS team,
  SUM(usage.device_seconds) AS device_seconds,
  SUM(IF(usage.energy_joules IS NULL, 0, usage.device_seconds)) AS measured_seconds,
  SUM(usage.energy_joules) AS joules,
  SUM(IF(usage.state = 'allocated_idle', usage.energy_joules, 0)) AS idle_joules,
  SUM(usage.co2e_grams) AS co2e_grams
FROM usage
WHERE usage.month = @month
  AND (@cluster IS NULL OR usage.cluster = @cluster)
  AND (@team IS NULL OR usage.team = @team)
  AND (@accelerator IS NULL OR usage.accelerator = @accelerator)
GROUP BY 1
HAVING SUM(usage.energy_joules) > 0
ORDER BY SUM(usage.energy_joules) DESC, 1
