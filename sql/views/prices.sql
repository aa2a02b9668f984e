-- Grain: day, cluster, SKU and start; rows of the live publication of their cluster-day.
SELECT
  prices.day,
  prices.cluster,
  prices.accelerator,
  prices.provider,
  prices.region,
  prices.purchase,
  prices.start,
  prices.`end`,
  prices.price_id,
  prices.price_per_hour,
  prices.currency,
  prices.covers,
  prices.kind,
  prices.publication
FROM store.prices AS prices
JOIN live_publications AS live
  ON live.cluster = prices.cluster AND live.day = prices.day AND live.publication = prices.publication
