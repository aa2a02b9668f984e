-- Grain: seq, cluster, day; every publication, and whether it is the one that counts.
SELECT
  publications.seq,
  publications.publication,
  publications.cluster,
  publications.day,
  publications.published_at,
  publications.fingerprint,
  publications.seq = MAX(publications.seq) OVER (PARTITION BY publications.cluster, publications.day) AS live
FROM store.publications AS publications
