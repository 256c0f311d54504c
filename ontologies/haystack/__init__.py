"""Project Haystack 4: its kinds, the forms they are written in, and its records as a graph."""
