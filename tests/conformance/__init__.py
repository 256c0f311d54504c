"""The W3C's SPARQL suites, run over HTTP against the real application.

`archive` holds the suites' files, `manifests` reads their manifests as cases, `service` talks to the application,
`elsewhere` has the services that it asks, `solutions` and `values` compare, `outcomes` knows which cases are expected
to fail or do not apply, and `report` (`python -m tests.conformance.report`) writes docs/conformance.md.
"""
