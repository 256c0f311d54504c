"""Codecs between tables in files or bodies and Arrow record batches: no HTTP, no DuckDB, no storage.

`read.open_readings` turns a file of readings into canonical batches; `write.encode` turns batches into bytes;
`formats.TABLE_FORMATS` is the one table of media types and file endings.
"""
