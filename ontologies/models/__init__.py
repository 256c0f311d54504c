"""Models of buildings in every form that the field uses: each form reads its documents into quads and writes them."""
