-- Grain: one row; the currency of all that is published (NULL: nothing has a price).
SELECT MAX(charges.currency) AS currency
FROM charges
