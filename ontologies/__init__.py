"""Meaning: vocabularies, formats, points, validation. Pure: data in, quads or findings out."""
