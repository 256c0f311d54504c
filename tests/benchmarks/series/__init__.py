"""Twinhouse beside InfluxDB, VictoriaMetrics and DuckDB, with the same readings: see `__main__`."""
