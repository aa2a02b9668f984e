-- Grain: model and engine; what serving engines counted on the days (UTC) of @month, of the workloads of @team.
SELECT
  serving.model,
  serving.engine,
  COUNT(DISTINCT serving.workload_id) AS replicas,
  SUM(serving.requests) AS requests,
  SUM(serving.input_tokens) AS input_tokens,
  SUM(serving.output_tokens) AS output_tokens
FROM serving
WHERE FORMAT_DATE('%Y-%m', serving.day) = @month
  AND (@cluster IS NULL OR serving.cluster = @cluster)
  AND (@team IS NULL OR serving.team = @team)
GROUP BY serving.model, serving.engine
ORDER BY SUM(serving.output_tokens) DESC, serving.model, serving.engine
