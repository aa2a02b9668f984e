-- Question: How long do the jobs of each team wait before they start, and how many never do?
-- @from DATE: first day
-- @to DATE: last day
-- By the day of the start. A job on several devices counts once; one whose submission is not known does not count.
WITH requests AS (
  SELECT DISTINCT
    workloads.cluster,
    workloads.workload_id,
    IF(workloads.workload_id IS NULL, workloads.attempt, NULL) AS attempt,
    workloads.day,
    workloads.team,
    workloads.submitted,
    workloads.start
  FROM workloads
  WHERE workloads.day BETWEEN @from AND @to AND workloads.submitted IS NOT NULL
)

SELECT
  COALESCE(requests.team, 'unowned') AS team,
  COUNT(requests.start) AS started,
  ROUND(AVG(TIMESTAMP_DIFF(requests.start, requests.submitted, SECOND)) / 60, 1) AS mean_minutes,
  ROUND(MAX(TIMESTAMP_DIFF(requests.start, requests.submitted, SECOND)) / 60, 1) AS longest_minutes,
  COUNTIF(requests.start IS NULL) AS never_started
FROM requests
GROUP BY COALESCE(requests.team, 'unowned')
ORDER BY longest_minutes DESC, team
