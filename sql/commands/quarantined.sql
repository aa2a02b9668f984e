-- Grain: one row; how many rows of the imports that count were not taken.
SELECT COUNT(*) AS n
FROM quarantine
