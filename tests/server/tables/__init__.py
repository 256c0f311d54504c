"""Tests of `server.tables`, file for file."""
