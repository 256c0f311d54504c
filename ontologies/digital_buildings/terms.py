"""Terms of our own for what a building config says and Brick has no word for: ``urn:twinhouse:gdb:``."""

from __future__ import annotations

from ontologies.namespaces import Namespace

GDB = Namespace("urn:twinhouse:gdb:")

TYPE = GDB["type"]
DEVICE = GDB["cloudDeviceId"]
ETAG = GDB["etag"]
MISSING = GDB["missingField"]
LINKS = GDB["links"]
FIELD = GDB["field"]
PRESENT_VALUE = GDB["presentValue"]
UNITS_KEY = GDB["unitsKey"]
UNITS = GDB["units"]
STATES = GDB["states"]
VALUE_RANGE = GDB["valueRange"]
