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


def test_what_happens_to_unknown_points_is_one_of_two() -> None:
    with pytest.raises(SettingError, match="guess"):
        Settings(influx_unknown="guess")


def test_a_role_without_a_token_is_one_that_there_is() -> None:
    with pytest.raises(SettingError, match="everything"):
        Settings(anonymous="everything")


def test_a_certificate_and_its_key_come_together() -> None:
    with pytest.raises(SettingError, match="tls_key"):
        Settings(tls_cert="cert.pem")
    assert Settings(tls_cert="c", tls_key="k", host="::1").url == "https://[::1]:8080"


@pytest.mark.parametrize(("text", "value"), [("1", True), ("True", True), ("no", False), ("", False)])
def test_a_switch_is_on_or_off(text: str, value: bool) -> None:
    assert Settings.from_environment({"TWINHOUSE_INSECURE": text}).insecure is value
    with pytest.raises(SettingError, match="TWINHOUSE_INSECURE"):
        Settings.from_environment({"TWINHOUSE_INSECURE": "perhaps"})


def test_hosts_to_ask_are_hosts() -> None:
    assert Settings(outbound_hosts="a.org, *.b.org:80=private").outbound_hosts
    with pytest.raises(SettingError, match=r"outbound_hosts: .*a\.org/x"):
        Settings(outbound_hosts="b.org,a.org/x")


def test_the_token_is_not_shown() -> None:
    assert "hush" not in repr(Settings(token="hush"))  # noqa: S106 - the test's own


def test_each_setting_is_explained() -> None:
    names = {field.name for field in fields(Settings)}
    assert {name for name in names if name not in (Settings.__doc__ or "")} == set()


def test_lists_are_given_by_commas() -> None:
    settings = Settings(cors_origins=" https://A.example, http://localhost:5173 ,", allowed_hosts="Twin.example,*")
    assert settings.origins == {"https://a.example", "http://localhost:5173"}
    assert settings.hosts == {"twin.example", "*"}
    assert Settings().origins == Settings().hosts == frozenset()


@pytest.mark.parametrize("proxy", ["proxy.example", "10.0.0.1/8", "127.0.0.1:80", "10.0.0"])
def test_a_proxy_is_an_address_or_a_network(proxy: str) -> None:
    assert Settings(trusted_proxies="127.0.0.1, ::1,10.0.0.0/8").proxies == {"127.0.0.1", "::1", "10.0.0.0/8"}
    with pytest.raises(SettingError, match="trusted_proxies"):
        Settings(trusted_proxies=f"127.0.0.1,{proxy}")


@pytest.mark.parametrize(
    "origin", ["a.example", "https://", "https://a.example/", "ftp://a.example", "https://*/", "null"]
)
def test_an_origin_has_a_scheme_and_a_host_and_nothing_else(origin: str) -> None:
    with pytest.raises(SettingError, match="cors_origins"):
        Settings(cors_origins=origin)
