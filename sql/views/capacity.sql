-- Grain: day, place and device; rows of the live publication of their cluster-day.
SELECT
  capacity.day,
  capacity.cluster,
  capacity.pool,
  capacity.accelerator,
  capacity.device_id,
  capacity.node,
  capacity.provider,
  capacity.region,
  capacity.purchase,
  capacity.owner_team,
  capacity.stated_seconds,
  capacity.raised_seconds,
  capacity.publication
FROM store.capacity AS capacity
JOIN live_publications AS live
  ON live.cluster = capacity.cluster AND live.day = capacity.day AND live.publication = capacity.publication
