"""The twin: graph and series as one. The only door through which protocols reach data."""
