"""Requests that the server makes for its clients: SERVICE and LOAD, to the hosts of the allow list alone."""
