"""Meaning: vocabularies, model formats, points and their series, units, validation. Pure: data in, quads or findings out."""
