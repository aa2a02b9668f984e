"""Where rows live: the lake (Parquet files and a SQLite catalog), queried by DuckDB."""
