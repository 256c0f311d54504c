from __future__ import annotations

from pathlib import Path

import pytest

from ontologies import catalog
from ontologies.errors import TableError
from ontologies.namespaces import BRICK, RDFS
from ontologies.tagging.classes import point_classes
from ontologies.tagging.evidence import PointText
from ontologies.tagging.suggesting import suggest
from ontologies.tagging.vocabulary import load_vocabulary, spoken, standard_vocabulary

HEADER = "word,language,meanings\n"


class TestTables:
    def test_every_meaning_is_a_word_of_brick_or_a_kind_of_equipment(self) -> None:
        vocabulary = standard_vocabulary()
        known = set(point_classes().weights) | set(vocabulary.kinds) | {f"@{kind}" for kind in vocabulary.equipment}
        used = {word for meanings in vocabulary.words.values() for meaning in meanings for word in meaning}
        # What no class of points speaks of all the same tells equipment or media from others.
        beside = {"economizer", "coil", "compressor", "wheel", "hood", "window", "door", "firing", "tank", "quality"}
        assert used - known - beside == set()

    def test_every_implication_speaks_of_words_that_some_name_can_have(self) -> None:
        vocabulary = standard_vocabulary()
        said = {word for meanings in vocabulary.words.values() for meaning in meanings for word in meaning}
        said |= set(point_classes().weights)
        wanted = {word for rule in vocabulary.implications for word in rule.wanted | rule.barred}
        assert {word for word in wanted if word[0] not in "#=@"} - said == set()

    def test_every_equipment_is_a_class_of_brick(self) -> None:
        classes = {quad.subject for quad in catalog.find("brick").quads() if quad.predicate == RDFS["subClassOf"]}
        named = {BRICK[equipment.class_name] for equipment in standard_vocabulary().equipment.values()}
        assert named - classes == set()


class TestOwnWords:
    def test_come_before_ours(self, tmp_path: Path) -> None:
        own = tmp_path / "words.csv"
        own.write_text(HEADER + "qx,en,zone air temperature\n", "utf-8")
        (guess,) = suggest([PointText("R1-QX", type="analog-input")], vocabulary=load_vocabulary([own]))
        assert guess.suggestions[0].name == "Zone_Air_Temperature_Sensor"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("word,meanings\na,b\n", r"own.csv, line 1: no column 'language'"),
            (HEADER + "# a comment\na,en\n", r"own.csv, line 3: 3 cells expected, not 2"),
            ("", r"own.csv: no line of column names"),
        ],
    )
    def test_name_the_line_that_is_wrong(self, tmp_path: Path, text: str, message: str) -> None:
        own = tmp_path / "own.csv"
        own.write_text(text, "utf-8")
        with pytest.raises(TableError, match=message):
            load_vocabulary([own])


class TestLanguages:
    def test_are_those_that_the_names_show(self) -> None:
        german = spoken(standard_vocabulary(), ["Zulufttemperatur", "Pumpe"])
        assert "zuluft" in german.words
        assert "soufflage" not in german.words

    def test_no_abbreviation_of_another_language_misleads(self) -> None:
        (guess,) = suggest([PointText("Corridor Humidity BAS", type="analog-input")])
        assert "Low" not in guess.suggestions[0].name
