from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.tables.line_protocol.grammar import BadKey, SeriesName, series_name

NAMES = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1).map(
    lambda name: name.rstrip("\\") or "a"  # no name that is sent ends in a backslash
)


@pytest.mark.parametrize(
    ("key", "field", "name"),
    [
        ("cpu", "usage", SeriesName("cpu", (), "usage")),
        ("cpu,host=b,cpu=0", "u", SeriesName("cpu", (("cpu", "0"), ("host", "b")), "u")),
        (r"my\ cpu\,0,a\ b=c\=d", r"f\ 1", SeriesName("my cpu,0", (("a b", "c=d"),), "f 1")),
        (r"a\=b", r"a\=b", SeriesName(r"a\=b", (), "a=b")),  # an equals sign means nothing in a measurement
        (r"disk,path=C:\Windows", "free", SeriesName("disk", (("path", r"C:\Windows"),), "free")),
        (r"m,t=a\\\,b", "f", SeriesName("m", (("t", r"a\\,b"),), "f")),
        ("°C,Straße=Köln", "Wert", SeriesName("°C", (("Straße", "Köln"),), "Wert")),
        ('"m",t="a"', '"f"', SeriesName('"m"', (("t", '"a"'),), '"f"')),
    ],
)
def test_names_are_read_as_influxdb_reads_them(key: str, field: str, name: SeriesName) -> None:
    assert series_name(key, field) == name


def test_the_order_of_tags_does_not_matter() -> None:
    one, other = series_name("m,b=2,a=1", "f"), series_name("m,a=1,b=2", "f")
    assert str(one) == str(other) == "m,a=1,b=2 f"


@settings(deadline=None)
@given(NAMES, st.dictionaries(NAMES, NAMES, max_size=3), NAMES)
def test_the_canonical_form_is_read_back(measurement: str, tags: dict[str, str], field: str) -> None:
    name = SeriesName(measurement, tuple(sorted(tags.items())), field)
    # The space before the field is the last one that is not escaped.
    key, _, written = str(name).rpartition(" ")
    while key.endswith("\\"):
        key, _, more = key.rpartition(" ")
        written = f"{more} {written}"
    assert series_name(key, written) == name


def test_a_tag_is_found_by_its_key() -> None:
    name = series_name("m,uuid=x", "f")
    assert (name.tag("uuid"), name.tag("other")) == ("x", None)


@pytest.mark.parametrize("key", ["m,a=1,a=2", "m,a=1,b=2,a=1", r"m,a\ b=1,a\ b=2"])
def test_a_tag_that_is_there_twice_is_refused(key: str) -> None:
    with pytest.raises(BadKey, match="twice"):
        series_name(key, "f")


def test_a_key_may_be_as_long_as_influxdb_takes_it() -> None:
    series_name("m" * 65_534, "f")
    with pytest.raises(BadKey, match="65,535"):
        series_name("m" * 65_535, "f")
    with pytest.raises(BadKey, match="65,535"):
        series_name("é" * 32_768, "f")


@pytest.mark.parametrize("key", ["", "m,t", "m,t=", "m,t=a=b", "m n"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(BadKey, match="no measurement"):
        series_name(key, "f")
