-- Published faults: what they count, and accelerator-hours.
SELECT cluster, fault, SUM(workloads) AS count, SUM(device_seconds) / 3600 AS hours
FROM faults
GROUP BY cluster, fault
ORDER BY cluster, fault
