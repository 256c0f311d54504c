"""The demo building on paper: an office house of four levels, 24 zones and two air handlers.

Sizes are typical of a German office of the 2000s; nothing here is measured on a real building.
"""

from dataclasses import dataclass
from typing import Final, Literal

Facing = Literal["S", "E", "N", "W", "core"]
Use = Literal["office", "meeting", "cafe", "common"]

NAMESPACE: Final = "https://twinhouse.example/lindenhof#"
TIME_ZONE: Final = "Europe/Berlin"
LATITUDE: Final = 48.78
LONGITUDE: Final = 9.18
STEP_MINUTES: Final = 5
STEP_SECONDS: Final = STEP_MINUTES * 60
STEPS_PER_DAY: Final = 24 * 60 // STEP_MINUTES
WARM_UP_DAYS: Final = 4
"""Simulated before the first reading, so that walls and rooms have the temperature of the season."""


@dataclass(frozen=True)
class Room:
    """A room: its key in the graph, its name and its RealEstateCore class."""

    key: str
    label: str
    rec_class: str


@dataclass(frozen=True)
class Zone:
    """An HVAC zone with the one VAV box that serves it; `area` in m2, `seats` in persons."""

    key: str
    level: int
    label: str
    facing: Facing
    use: Use
    area: float
    seats: int
    rooms: tuple[Room, ...]

    @property
    def vav(self) -> str:
        return f"VAV-{self.key}"

    @property
    def ahu(self) -> str:
        return AHUS[0] if self.level < 2 else AHUS[1]


AHUS: Final = ("AHU-1", "AHU-2")
LEVELS: Final = ("Ground floor", "First floor", "Second floor", "Third floor")
TREES: Final = ("Linde", "Ahorn", "Buche")


def _ground() -> tuple[Zone, ...]:
    return (
        _zone(0, 1, "Lobby", "S", "common", 110, 8, "Lobby"),
        _zone(0, 2, "Cafeteria", "E", "cafe", 120, 60, "CafeteriaRoom", "Kitchenette"),
        _zone(0, 3, "Training room", "N", "common", 80, 12, "MultiPurposeRoom"),
        _zone(0, 4, "Library", "W", "common", 70, 10, "Library"),
        _zone(0, 5, "Reception office", "S", "office", 40, 3, "OfficeRoom"),
        _zone(0, 6, "Mail room", "core", "common", 45, 2, "MailRoom"),
    )


def _upper(level: int) -> tuple[Zone, ...]:
    return (
        _zone(level, 1, "Open office south", "S", "office", 110, 10, "OfficeLandscape"),
        _zone(level, 2, "Offices east", "E", "office", 60, 5, "OfficeRoom", "OfficeRoom"),
        _zone(level, 3, "Open office north", "N", "office", 110, 10, "OfficeLandscape"),
        _zone(level, 4, "Office west", "W", "office", 60, 5, "OfficeRoom"),
        _zone(level, 5, f"Meeting room {TREES[level - 1]}", "W", "meeting", 50, 10, "ConferenceRoom"),
        _zone(level, 6, "Team room", "core", "common", 60, 6, "TeamRoom"),
    )


def _zone(
    level: int, number: int, label: str, facing: Facing, use: Use, area: float, seats: int, *rooms: str
) -> Zone:
    key = f"{level}-{number}"
    many = len(rooms) > 1
    made = tuple(
        Room(
            f"Room-{level}{number:02}{chr(97 + i) if many else ''}",
            f"{label} {level}.{number:02}{chr(97 + i) if many else ''}",
            rec_class,
        )
        for i, rec_class in enumerate(rooms)
    )
    return Zone(key, level, label, facing, use, area, seats, made)


ZONES: Final[tuple[Zone, ...]] = (*_ground(), *_upper(1), *_upper(2), *_upper(3))
CO2_ZONES: Final = tuple(zone for zone in ZONES if zone.use in ("meeting", "cafe"))
ZONE_INDEX: Final = {zone.vav: i for i, zone in enumerate(ZONES)}
ZONES_PER_AHU: Final = len(ZONES) // len(AHUS)
