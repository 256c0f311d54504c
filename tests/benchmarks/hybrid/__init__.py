"""One SPARQL query over graph and readings, beside what an expert would write by hand for each question."""
