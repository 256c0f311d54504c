"""The demo building: a generated office with a Brick model and a year of readings."""

from server.demo.building import model
from server.demo.faults import FAULTS, Fault
from server.demo.points import DemoPoint, points
from server.demo.readings import SCHEMA, readings

__all__ = ["FAULTS", "SCHEMA", "DemoPoint", "Fault", "model", "points", "readings"]
