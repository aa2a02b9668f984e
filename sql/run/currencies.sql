-- Currencies of the imported prices. Grain: currency.
SELECT DISTINCT prices.currency
FROM input.prices AS prices
ORDER BY prices.currency
