"""The graph half: an embedded Oxigraph store, one writer, and killable readers on its checkpoints."""
