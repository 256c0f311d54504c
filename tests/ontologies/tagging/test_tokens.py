from __future__ import annotations

import pytest

from ontologies.tagging.tokens import Splitter, last_segment, template, tokens


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ZoneAirTemp", "zone air temp"),
        ("AHU-1_SF.STS", "ahu sf sts"),
        ("CHWSTemp", "chws temp"),
        ("VAV3-05 ZN-T", "vav zn t"),
        ("B1.F2.AHU01A.SAT", "b f ahu sat"),
        ("CO2Sensor", "co2 sensor"),
        ("PM2.5 level", "pm2.5 level"),
        ("Außenlufttemperatur", "aussenlufttemperatur"),
        ("Qualité d'air", "qualite d air"),
        ("CLGMiNFLO", "clgminflo"),
        ("Raum 2.14 Temp.", "raum temp"),
        ("the temperature of the water on a loop", "the temperature the water loop"),
        ("occupancyA1st_Floor_Area2", "occupancy a floor area"),
        ("EF-3 S/S", "ef s s"),
        ("", ""),
        ("12345", ""),
    ],
)
def test_a_name_is_taken_apart(name: str, words: str) -> None:
    assert " ".join(token.text for token in tokens(name)) == words


def test_the_last_part_of_a_path_is_segment_0() -> None:
    assert [(token.text, token.segment) for token in tokens("B1/AHU'Temp")] == [("b", 2), ("ahu", 1), ("temp", 0)]
    assert last_segment("B1/AHU'Temp") == "Temp"
    assert last_segment("") == ""


def test_a_stroke_between_opposites_parts_no_path() -> None:
    assert {token.segment for token in tokens("Pump1_Start/Stop")} == {0}
    assert {token.segment for token in tokens("Pump1/Stop")} == {0, 1}


def test_a_word_knows_that_a_number_follows() -> None:
    assert [(token.text, token.numbered) for token in tokens("AHU-1 temp")] == [("ahu", True), ("temp", False)]


def test_a_template_has_no_digits() -> None:
    assert template("VAV-3-05.Zn_Tmp") == template("VAV-12-117.zn_tmp") == "vav-#-#.zn_tmp"


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("zulufttemperatur", ("zuluft", "temperatur")),
        ("supfanspd", ("sup", "fan", "spd")),
        ("betriebsmeldung", ("betrieb", "meldung")),
        ("unknown", ("unknown",)),
        ("east", ("east",)),
        ("x" * 5000, ("x" * 5000,)),
    ],
)
def test_words_written_together_are_parted_by_known_ones(text: str, pieces: tuple[str, ...]) -> None:
    words = ("zuluft", "luft", "temperatur", "sup", "fan", "spd", "ea", "st", "betrieb", "meldung", "zu")
    assert Splitter(words).split(text) == pieces


def test_long_and_odd_names_cost_no_more_than_others() -> None:
    assert len(tokens("aB" * 1_000_000)) < 5000
    assert tokens("\x00\ufffd💡") == ()
