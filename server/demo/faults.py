"""What goes wrong in the demo building, and when.

Each fault has its place in the calendar, the same every year, so that any year that is generated holds
all of them and the documentation can name them. The days are local, the first and the last included.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.demo.layout import STEPS_PER_DAY, WARM_UP_DAYS, ZONE_INDEX
from server.demo.schedule import Bools, Clock, Floats

MonthDay = tuple[int, int]


@dataclass(frozen=True)
class Fault:
    """One documented fault: `subject` is the local name of an equipment or a level in the graph."""

    name: str
    subject: str
    what: str
    first: MonthDay
    last: MonthDay

    def active(self, time: Clock) -> Bools:
        """Return which steps the fault covers."""
        month = time.day.astype("datetime64[M]")
        number = month.astype(np.int64) % 12 + 1
        code = number * 100 + (time.day - month.astype("datetime64[D]")).astype(np.int64) + 1
        return np.asarray((code >= _code(self.first)) & (code <= _code(self.last)))


STUCK_DAMPER: Final = Fault(
    "stuck outside damper",
    "AHU-1",
    "The outside damper stays at 70 % whatever it is told: command and feedback part, "
    "the mixed air turns cold and the heating coil makes up for it.",
    (1, 8),
    (1, 28),
)
ALWAYS_ON: Final = Fault(
    "air handler runs day and night",
    "AHU-2",
    "Left in manual mode after maintenance: fans and setpoints as by day, nights and weekends too.",
    (2, 10),
    (2, 23),
)
FLOOR_OUTAGE: Final = Fault(
    "network outage",
    "Level-2",
    "The floor's controllers are off the network for a day: no reading from its six VAV boxes.",
    (3, 11),
    (3, 11),
)
LEAKING_REHEAT: Final = Fault(
    "leaking reheat valve",
    "VAV-2-3",
    "The valve does not close below 30 %: it is told 0 %, yet the supply air stays hot, the box cools "
    "against it, and the boiler runs in early summer.",
    (5, 1),
    (6, 30),
)
DRIFTING_SENSOR: Final = Fault(
    "drifting zone sensor",
    "VAV-1-4",
    "The zone temperature sensor gains 0.05 K a day, up to 3 K, until it is recalibrated: it reads "
    "on setpoint in a room that is too cold.",
    (9, 1),
    (10, 31),
)
METER_EXCHANGE: Final = Fault(
    "meter exchange",
    "Meter-Lighting",
    "The lighting meter is replaced between 10:00 and 10:40 local time: a gap, then the counter "
    "starts again at 0 kWh.",
    (10, 15),
    (10, 15),
)
FROZEN_CO2: Final = Fault("frozen CO2 sensor", "VAV-2-5", "The CO2 sensor repeats one value.", (11, 4), (11, 17))
HOURLY_CONTROLLER: Final = Fault(
    "slow controller",
    "VAV-3-4",
    "This controller reports on the full hour only, all year.",
    (1, 1),
    (12, 31),
)
FAULTS: Final = (
    STUCK_DAMPER,
    ALWAYS_ON,
    FLOOR_OUTAGE,
    LEAKING_REHEAT,
    DRIFTING_SENSOR,
    METER_EXCHANGE,
    FROZEN_CO2,
    HOURLY_CONTROLLER,
)
LEAKING_ZONE: Final = ZONE_INDEX[LEAKING_REHEAT.subject]
DRIFTING_ZONE: Final = ZONE_INDEX[DRIFTING_SENSOR.subject]
STUCK_POSITION: Final = 0.70


def _code(day: MonthDay) -> int:
    return day[0] * 100 + day[1]


def leak(time: Clock) -> Floats:
    """How far open the leaking valve stays at least, 0-1."""
    return np.where(LEAKING_REHEAT.active(time), 0.3, 0.0)


def drift(time: Clock) -> Floats:
    """Error of the drifting sensor in K: 0.05 K a day since its first day."""
    year = time.day.astype("datetime64[Y]").astype("datetime64[M]")
    first = (year + (DRIFTING_SENSOR.first[0] - 1)).astype("datetime64[D]")
    days = (time.day - first).astype(np.int64)
    return np.where(DRIFTING_SENSOR.active(time), 0.05 * days, 0.0)


def exchanging(time: Clock) -> Bools:
    """Whether the lighting meter is out at a step."""
    return METER_EXCHANGE.active(time) & (time.hour >= 10.0) & (time.hour < 10.66)


def frozen(time: Clock) -> NDArray[np.int64]:
    """Return the step whose value the frozen sensor shows, for each step; after the warm-up's end."""
    stuck = FROZEN_CO2.active(time)
    stuck[: WARM_UP_DAYS * STEPS_PER_DAY + 1] = False
    return np.maximum.accumulate(np.where(stuck, 0, np.arange(len(stuck))))
