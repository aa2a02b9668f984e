-- fail: a published price is not the best match among the imported prices at that instant.
WITH book AS (
  SELECT
    names.canonical AS accelerator, prices.provider, prices.region, prices.purchase, prices.price_per_hour, prices.currency, prices.covers,
    COALESCE(prices.kind, 'list') AS kind,
    COALESCE(prices.start_ms, 0) AS start_ms,
    COALESCE(
      prices.end_ms,
      LEAD(prices.start_ms) OVER (
        PARTITION BY names.canonical, prices.provider, prices.region, prices.purchase, COALESCE(prices.kind, 'list')
        ORDER BY prices.start_ms, prices.import_seq, prices.row
      ),
      9000000000000
    ) AS end_ms
  FROM input.prices AS prices
  JOIN run.names AS names ON names.accelerator = prices.accelerator
),

published AS (
  SELECT
    prices.day, prices.cluster, prices.accelerator, prices.provider, prices.region, prices.purchase, prices.start,
    prices.price_per_hour, prices.currency, prices.covers, prices.kind, UNIX_MILLIS(prices.start) AS at_ms
  FROM staged.prices AS prices
),

matches AS (
  SELECT
    published.day, published.cluster, published.accelerator, published.provider, published.region, published.purchase, published.start,
    book.price_per_hour, book.currency, book.covers, book.kind
  FROM published
  JOIN book
    ON book.accelerator = published.accelerator
    AND (book.provider IS NULL OR book.provider = published.provider)
    AND (book.region IS NULL OR book.region = published.region)
    AND (book.purchase IS NULL OR book.purchase = published.purchase)
    AND book.start_ms <= published.at_ms AND published.at_ms < book.end_ms
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY published.day, published.cluster, published.accelerator, published.provider, published.region, published.purchase, published.start
    ORDER BY
      CASE WHEN book.purchase IS NULL THEN 0 ELSE 1 END + CASE WHEN book.region IS NULL THEN 0 ELSE 1 END
      + CASE WHEN book.provider IS NULL THEN 0 ELSE 1 END DESC,
      CASE WHEN book.purchase IS NULL THEN 1 ELSE 0 END,
      CASE WHEN book.region IS NULL THEN 1 ELSE 0 END,
      CASE WHEN book.kind = 'negotiated' THEN 0 ELSE 1 END
  ) = 1
)

SELECT
  published.day, published.cluster, published.accelerator, published.provider, published.region, published.purchase, published.start,
  matches.price_per_hour AS expected,
  published.price_per_hour AS actual
FROM published
LEFT JOIN matches
  ON matches.day = published.day AND matches.cluster = published.cluster AND matches.accelerator = published.accelerator
  AND matches.provider IS NOT DISTINCT FROM published.provider AND matches.region IS NOT DISTINCT FROM published.region
  AND matches.purchase IS NOT DISTINCT FROM published.purchase AND matches.start = published.start
WHERE matches.price_per_hour IS DISTINCT FROM published.price_per_hour
  OR matches.currency IS DISTINCT FROM published.currency
  OR matches.covers IS DISTINCT FROM published.covers
  OR COALESCE(matches.kind, 'list') <> COALESCE(published.kind, 'list')
ORDER BY published.day, published.accelerator
