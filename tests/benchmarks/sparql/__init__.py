"""Twinhouse beside Oxigraph's own server, over HTTP, on the same data: see `__main__`."""
