"""Bytes at rest: quads, UUIDs, times and numbers. Knows nothing of HTTP, Brick or BACnet."""
