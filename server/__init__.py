"""The service: the join of graph and series, the protocols, the importers and the command line."""
