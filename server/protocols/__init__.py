"""What clients speak. Each protocol parses a request into frozen values, asks the twin, and writes the answer."""
