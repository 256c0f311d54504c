from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from server.settings import SettingError, Settings, variable


def test_what_is_given_outranks_the_environment_and_that_the_defaults() -> None:
    settings = Settings.from_environment({"TWINHOUSE_PORT": "1", "TWINHOUSE_READERS": "7"}, port=2, data=None)
    assert (settings.port, settings.readers, settings.data) == (2, 7, Path("twinhouse-data"))


@pytest.mark.parametrize("name", ["port", "query_seconds", "body_megabytes"])
def test_a_text_that_is_no_number_names_the_variable(name: str) -> None:
    with pytest.raises(SettingError, match=variable(name)):
        Settings.from_environment({variable(name): "many"})


def test_a_default_graph_is_union_or_strict() -> None:
    with pytest.raises(SettingError, match="loose"):
        Settings(default_graph="loose")


def test_each_setting_is_explained() -> None:
    names = {field.name for field in fields(Settings)}
    assert {name for name in names if name not in (Settings.__doc__ or "")} == set()
