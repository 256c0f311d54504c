from __future__ import annotations

import random

import pytest

from ontologies.tagging.suggesting import suggest
from tests.benchmarks.tagging import at_reviewed, figures, fits, macro_f1
from tests.support.data import shared
from tests.support.labelled import labelled


def test_macro_f1_is_the_mean_over_the_true_classes() -> None:
    # a: 1 right, said twice, true twice: 2/4. b: 1 right, said once, true twice: 2/3. c is nobody's class.
    assert macro_f1(["a", "a", "b", "c"], ["a", "b", "b", "a"]) == pytest.approx((2 / 4 + 2 / 3) / 2)


@pytest.mark.parametrize(
    ("guess", "truth", "whether"),
    [
        ("CO2_Sensor", "CO2_Sensor", True),
        ("Supply_Air_Flow_Sensor", "Discharge_Air_Flow_Sensor", True),
        ("Zone_Air_Temperature_Sensor", "Air_Temperature_Sensor", True),
        ("Air_Temperature_Sensor", "Zone_Air_Temperature_Sensor", False),
        ("Air_Flow_Setpoint", "Air_Flow_Sensor", False),
    ],
)
def test_a_more_exact_class_fits(guess: str, truth: str, whether: bool) -> None:
    assert fits(guess, truth) is whether


# Well below what docs/tagging.md tells: what a change of a table must not lose.
@pytest.mark.parametrize(("name", "exact", "reviewed"), [("alpha", 0.9, 0.9), ("hhw-b", 0.6, None)])
def test_names_keep_giving_their_classes(name: str, exact: float, reviewed: float | None) -> None:
    points = labelled(shared("haystack").parent, name)
    truths = [point.truth for point in points]
    assert figures(suggest([point.text for point in points]), truths).accuracy > exact
    if reviewed is not None:
        chosen = random.Random(0).sample(range(len(points)), 50)
        assert at_reviewed(points, chosen).accuracy > reviewed
