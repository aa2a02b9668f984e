-- Grain: imported accelerator name and quantity; how many chips that is, in millionths, half-even, by products that do not overflow.
WITH said AS (
  SELECT jobs.accelerator, jobs.quantity_ppm
  FROM input.jobs AS jobs
  UNION DISTINCT
  SELECT capacity.accelerator, capacity.quantity_ppm
  FROM input.capacity AS capacity
  UNION DISTINCT
  SELECT held.accelerator, held.quantity_ppm
  FROM input.agent_holdings AS held
  UNION DISTINCT
  SELECT devices.accelerator, 1000000
  FROM input.agent_devices AS devices
),

multiplied AS (
  SELECT
    said.accelerator,
    said.quantity_ppm,
    names.canonical,
    DIV(said.quantity_ppm, 1000000) * names.chips_ppm + DIV(MOD(said.quantity_ppm, 1000000) * names.chips_ppm, 1000000) AS whole,
    MOD(MOD(said.quantity_ppm, 1000000) * names.chips_ppm, 1000000) AS rest
  FROM said
  JOIN run.names AS names ON names.accelerator = said.accelerator
)

SELECT
  multiplied.accelerator,
  multiplied.quantity_ppm,
  multiplied.canonical,
  multiplied.whole
  + CASE WHEN multiplied.rest > 500000 OR (multiplied.rest = 500000 AND MOD(multiplied.whole, 2) = 1) THEN 1 ELSE 0 END AS chips_ppm
FROM multiplied
