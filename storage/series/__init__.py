"""The series half: a DuckDB hot tier and plain Parquet at rest."""
