-- Grain: month; the publication of the lines that the month has beside the days of clusters.
SELECT
  FORMAT_DATE('%Y-%m', publications.day) AS month,
  publications.seq,
  publications.publication,
  publications.published_at
FROM store.publications AS publications
WHERE publications.cluster = ''
QUALIFY ROW_NUMBER() OVER (PARTITION BY publications.day ORDER BY publications.seq DESC) = 1
