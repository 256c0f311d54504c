"""The command line: one command a file, each an HTTP client of the application.

Modules import little at the top, so that `twinhouse --help` stays quick; what is heavy is imported where it is used.
"""
