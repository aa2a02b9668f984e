"""BigQuery: the warehouse that people read, fed from a lake and made into one again."""
