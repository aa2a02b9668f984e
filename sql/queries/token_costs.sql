-- Question: What do a million generated tokens cost, by model?
-- @from DATE: first day
-- @to DATE: last day
-- The cost is all that a replica held on the days on which it served one model, idle time and prompts included; of a shared device its
-- share. Left out, and counted as such: days of several models, of no counted tokens, and of any time that is not held or has no price.
WITH served AS (
  SELECT
    serving.cluster,
    serving.workload_id,
    serving.day,
    serving.model,
    SUM(serving.requests) AS requests,
    SUM(serving.input_tokens) AS input_tokens,
    SUM(serving.output_tokens) AS output_tokens,
    COUNT(*) OVER (PARTITION BY serving.cluster, serving.workload_id, serving.day) AS models
  FROM serving
  WHERE serving.day BETWEEN @from AND @to
  GROUP BY serving.cluster, serving.workload_id, serving.day, serving.model
),

held AS (
  SELECT
    charges.cluster,
    charges.workload_id,
    charges.day,
    CASE WHEN COUNT(charges.cost) = COUNT(*) THEN SUM(charges.cost) END AS cost
  FROM charges
  WHERE charges.day BETWEEN @from AND @to AND charges.workload_id IS NOT NULL
  GROUP BY charges.cluster, charges.workload_id, charges.day
),

days AS (
  SELECT
    served.model,
    served.requests,
    served.input_tokens,
    served.output_tokens,
    held.cost,
    served.models = 1 AND served.output_tokens IS NOT NULL AND held.cost IS NOT NULL AS counts
  FROM served
  LEFT JOIN held ON held.cluster = served.cluster AND held.workload_id = served.workload_id AND held.day = served.day
)

SELECT
  days.model,
  SUM(IF(days.counts, days.requests, NULL)) AS requests,
  SUM(IF(days.counts, days.input_tokens, NULL)) AS input_tokens,
  SUM(IF(days.counts, days.output_tokens, NULL)) AS output_tokens,
  ROUND(SUM(IF(days.counts, days.cost, NULL)), 2) AS cost,
  ROUND(SAFE_DIVIDE(SUM(IF(days.counts, days.cost, NULL)) * 1000000, SUM(IF(days.counts, days.output_tokens, NULL))), 4) AS cost_per_million,
  COUNTIF(NOT days.counts) AS left_out_days,
  SUM(IF(days.counts, 0, days.output_tokens)) AS left_out_tokens
FROM days
GROUP BY days.model
ORDER BY cost DESC, days.model
