-- Grain: cluster, day; the publication that counts: the one with the highest seq.
SELECT
  publications.seq,
  publications.publication,
  publications.cluster,
  publications.day,
  publications.published_at,
  publications.fingerprint
FROM store.publications AS publications
WHERE publications.cluster <> ''
QUALIFY ROW_NUMBER() OVER (PARTITION BY publications.cluster, publications.day ORDER BY publications.seq DESC) = 1
