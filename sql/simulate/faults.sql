-- Published faults: what they count, and accelerator-hours.
SELECT fault, SUM(workloads) AS count, SUM(device_seconds) / 3600 AS hours
FROM faults
GROUP BY fault
ORDER BY fault
