-- Grain: import_seq, row; rows that were not taken, with the reason.
SELECT
  quarantine.import_seq,
  quarantine.row,
  quarantine.kind,
  quarantine.file,
  quarantine.column,
  quarantine.reason,
  quarantine.content
FROM store.quarantine AS quarantine
