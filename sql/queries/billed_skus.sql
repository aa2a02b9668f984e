-- Question: What was billed by day, SKU and project, and what was computed for the same accelerator and way of buying?
-- @from DATE: first day
-- @to DATE: last day
-- A row without a SKU is all of an accelerator that was bought so, against its charges; the rows below it are its SKUs and projects. Commitments
-- move cost from one way of buying to another: the view `reconciliation` compares them together. Accelerators are named as in the bill.
WITH lines AS (
  SELECT
    DATE(TIMESTAMP_MILLIS(invoice.usage_start_ms)) AS day, invoice.provider, invoice.accelerator, invoice.purchase, invoice.sku,
    invoice.description, COALESCE(invoice.project, '') AS project, invoice.quantity, invoice.cost + invoice.credits AS cost
  FROM input.invoice AS invoice
  WHERE invoice.accelerator IS NOT NULL
  -- of a line that several exports have, the latest
  QUALIFY invoice.export_time_ms IS NULL OR invoice.import_seq = MAX(invoice.import_seq) OVER (
    PARTITION BY
      invoice.provider, invoice.invoice_month, invoice.sku, invoice.description, invoice.project, invoice.usage_start_ms,
      invoice.usage_end_ms, invoice.cost, invoice.credits, invoice.currency, invoice.export_time_ms, invoice.detail
  )
),

billed AS (
  SELECT lines.day, lines.provider, lines.accelerator, lines.purchase, lines.sku, lines.description, lines.project,
    SUM(lines.quantity) AS hours, SUM(lines.cost) AS cost
  FROM lines
  WHERE lines.day BETWEEN @from AND @to
  GROUP BY lines.day, lines.provider, lines.accelerator, lines.purchase, lines.sku, lines.description, lines.project
),

computed AS (
  SELECT charges.day, charges.provider, charges.accelerator, COALESCE(charges.purchase, 'on_demand') AS purchase,
    SUM(charges.device_seconds) / 3600 AS hours, SUM(charges.cost) AS cost
  FROM charges
  WHERE charges.day BETWEEN @from AND @to AND charges.state IS NOT NULL AND charges.corrects IS NULL
    AND charges.provider IN (SELECT billed.provider FROM billed)
  GROUP BY charges.day, charges.provider, charges.accelerator, COALESCE(charges.purchase, 'on_demand')
),

sums AS (
  SELECT billed.day, billed.provider, billed.accelerator, billed.purchase, SUM(billed.hours) AS hours, SUM(billed.cost) AS cost
  FROM billed
  GROUP BY billed.day, billed.provider, billed.accelerator, billed.purchase
),

compared AS (
  SELECT
    COALESCE(sums.day, computed.day) AS day,
    COALESCE(sums.provider, computed.provider) AS provider,
    COALESCE(sums.accelerator, computed.accelerator) AS accelerator,
    COALESCE(sums.purchase, computed.purchase) AS purchase,
    sums.hours AS billed_hours,
    computed.hours AS computed_hours,
    sums.cost AS billed_cost,
    computed.cost AS computed_cost
  FROM sums
  FULL JOIN computed
    ON computed.day = sums.day AND computed.provider = sums.provider AND computed.accelerator = sums.accelerator
    AND computed.purchase = sums.purchase
),

told AS (
  SELECT compared.day, compared.provider, compared.accelerator, compared.purchase, CAST(NULL AS STRING) AS sku, CAST(NULL AS STRING) AS description,
    CAST(NULL AS STRING) AS project,
    CASE
      WHEN compared.computed_hours IS NULL THEN 'billed_not_seen'
      WHEN compared.billed_cost IS NULL THEN 'seen_not_billed'
      WHEN ABS(compared.billed_cost - compared.computed_cost) < CAST('0.005' AS NUMERIC) THEN 'matched'
      WHEN ABS(compared.billed_hours - compared.computed_hours) < CAST('0.001' AS NUMERIC) THEN 'priced_differently'
      ELSE 'quantity_differs'
    END AS status,
    compared.billed_hours, compared.computed_hours, compared.billed_cost, compared.computed_cost,
    COALESCE(compared.billed_cost, 0) - COALESCE(compared.computed_cost, 0) AS difference
  FROM compared
  UNION ALL
  SELECT billed.day, billed.provider, billed.accelerator, billed.purchase, billed.sku, billed.description, billed.project,
    NULL, billed.hours, NULL, billed.cost, NULL, NULL
  FROM billed
)

SELECT
  told.day,
  told.provider,
  told.accelerator,
  told.purchase,
  told.sku,
  told.description,
  told.project,
  told.status,
  ROUND(told.billed_hours, 3) AS billed_hours,
  ROUND(told.computed_hours, 3) AS computed_hours,
  ROUND(told.billed_cost, 2) AS billed_cost,
  ROUND(told.computed_cost, 2) AS computed_cost,
  ROUND(told.difference, 2) AS difference
FROM told
ORDER BY told.day, told.provider, told.accelerator, told.purchase, told.sku NULLS FIRST, told.project
