-- Question: How much energy did each team's accelerators use, what did it emit, and how much of the time was measured?
-- @month STRING: billing month, YYYY-MM
-- kwh is measured at the accelerators; kg_co2e follows [[grid]] with the site's PUE, NULL without a factor. A team that is
-- NULL is time that nobody held.
SELECT
  IF(usage.owner_status IS NULL, NULL, COALESCE(usage.team, 'unowned')) AS team,
  ROUND(SUM(usage.device_seconds) / 3600, 3) AS hours,
  ROUND(SAFE_DIVIDE(SUM(IF(usage.energy_joules IS NULL, 0, usage.device_seconds)), SUM(usage.device_seconds)), 3) AS measured,
  ROUND(SUM(usage.energy_joules) / 3600000, 3) AS kwh,
  ROUND(SUM(usage.co2e_grams) / 1000, 3) AS kg_co2e,
  ROUND(
    SAFE_DIVIDE(SUM(usage.energy_joules), SUM(IF(usage.energy_joules IS NULL, 0, usage.device_seconds))), 1
  ) AS mean_watts,
  ROUND(SUM(IF(usage.state = 'allocated_idle', usage.energy_joules, 0)) / 3600000, 3) AS idle_kwh
FROM usage
WHERE usage.month = @month
GROUP BY 1
ORDER BY kwh DESC, team
