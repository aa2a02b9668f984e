-- fail: a published price is not the best match among the imported prices at that instant, or one that commitments make is not between theirs and that.
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

-- at the rate of each instant; to the nano-unit, because a product is rounded half-even there and half away from zero here
rated AS (
  SELECT
    book.accelerator, book.provider, book.region, book.purchase, book.price_per_hour * rates.rate AS price_per_hour, rates.ledger AS currency,
    book.covers, book.kind, GREATEST(book.start_ms, rates.from_ms) AS start_ms, LEAST(book.end_ms, rates.to_ms) AS end_ms,
    CASE WHEN rates.rate = 1 THEN CAST('0' AS NUMERIC) ELSE CAST('0.000000001' AS NUMERIC) END AS tolerance
  FROM book
  JOIN run.rates AS rates ON rates.currency = book.currency AND rates.from_ms < book.end_ms AND book.start_ms < rates.to_ms
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
    rated.price_per_hour, rated.currency, rated.covers, rated.kind, rated.tolerance
  FROM published
  JOIN rated
    ON rated.accelerator = published.accelerator
    AND (rated.provider IS NULL OR rated.provider = published.provider)
    AND (rated.region IS NULL OR rated.region = published.region)
    AND (rated.purchase IS NULL OR rated.purchase = published.purchase)
    AND rated.start_ms <= published.at_ms AND published.at_ms < rated.end_ms
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY published.day, published.cluster, published.accelerator, published.provider, published.region, published.purchase, published.start
    ORDER BY
      CASE WHEN rated.purchase IS NULL THEN 0 ELSE 1 END + CASE WHEN rated.region IS NULL THEN 0 ELSE 1 END
      + CASE WHEN rated.provider IS NULL THEN 0 ELSE 1 END DESC,
      CASE WHEN rated.purchase IS NULL THEN 1 ELSE 0 END,
      CASE WHEN rated.region IS NULL THEN 1 ELSE 0 END,
      CASE WHEN rated.kind = 'negotiated' THEN 0 ELSE 1 END
  ) = 1
),

committed AS (
  SELECT
    published.day, published.cluster, published.accelerator, published.provider, published.region, published.purchase, published.start,
    MIN(commitments.price_per_hour) AS least,
    MAX(commitments.price_per_hour) AS most
  FROM published
  JOIN run.commitments AS commitments
    ON commitments.accelerator = published.accelerator
    AND commitments.provider = published.provider
    AND (commitments.region IS NULL OR commitments.region = published.region)
    AND commitments.purchase = COALESCE(published.purchase, 'on_demand')
    AND commitments.from_ms < published.at_ms + 3600000 AND published.at_ms < commitments.to_ms
  WHERE published.kind = 'committed'
  GROUP BY published.day, published.cluster, published.accelerator, published.provider, published.region, published.purchase, published.start
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
LEFT JOIN committed
  ON committed.day = published.day AND committed.cluster = published.cluster AND committed.accelerator = published.accelerator
  AND committed.provider IS NOT DISTINCT FROM published.provider AND committed.region IS NOT DISTINCT FROM published.region
  AND committed.purchase IS NOT DISTINCT FROM published.purchase AND committed.start = published.start
WHERE published.kind IS DISTINCT FROM 'committed' AND (
  (matches.price_per_hour IS NULL) <> (published.price_per_hour IS NULL)
  OR ABS(matches.price_per_hour - published.price_per_hour) > matches.tolerance
  OR matches.currency IS DISTINCT FROM published.currency
  OR matches.covers IS DISTINCT FROM published.covers
  OR COALESCE(matches.kind, 'list') <> COALESCE(published.kind, 'list')
)
OR published.kind = 'committed' AND (
  committed.least IS NULL
  OR published.price_per_hour < LEAST(committed.least, COALESCE(matches.price_per_hour, committed.least)) - matches.tolerance
  OR published.price_per_hour > GREATEST(committed.most, COALESCE(matches.price_per_hour, committed.most)) + matches.tolerance
  OR matches.currency IS DISTINCT FROM COALESCE(published.currency, matches.currency)
  OR matches.covers IS DISTINCT FROM COALESCE(published.covers, matches.covers)
)
ORDER BY published.day, published.accelerator
