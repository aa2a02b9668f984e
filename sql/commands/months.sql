-- Grain: month and team; what there is to report.
SELECT DISTINCT charges.month, charges.team
FROM charges
ORDER BY charges.month, charges.team
