-- Published counts of serving engines by cluster, team and model.
SELECT
  cluster,
  team,
  model,
  SUM(requests) AS requests,
  SUM(input_tokens) AS input_tokens,
  SUM(output_tokens) AS output_tokens
FROM serving
GROUP BY cluster, team, model
ORDER BY cluster, team, model
