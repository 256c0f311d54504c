"""InfluxDB line protocol -> readings: `read.read_lines` turns a body into batches, `grammar` knows the names.

`tokens` and `columns` read plain lines, whole blocks at a time; `exact` reads any line, one at a time, and is what
says where a line is wrong. Both give the same answer; the tests compare them.
"""
