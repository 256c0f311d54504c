"""The configuration says what it means, or what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ontologies.bacnet_network import Address, BacnetObject, Device, Network, network_json
from server.bacnet.config import BadConfig, Rule, read_config
from server.bacnet.gateway import planned
from server.bacnet.scan import BadScan

GOOD = """
[network]
scan = "site.json"
address = "10.0.0.9/24"
bbmd = "10.1.0.2"
[gateway]
timezone = "Europe/Berlin"
[pace]
rate = 50
far-rate = 5
[poll]
every = "2m"
[[poll.rules]]
objects = ["analog-input,*"]
names = ["*Temp*"]
devices = [7]
every = "15s"
cov = false
[[commands]]
device = 7
objects = ["analog-value,*"]
highest-priority = 10
longest = "4h"
"""


def written(folder: Path, text: str) -> Path:
    (folder / "site.toml").write_text(text)
    return folder / "site.toml"


def test_everything_is_read(tmp_path: Path) -> None:
    config = read_config(written(tmp_path, GOOD))
    assert config.scan == tmp_path / "site.json"
    assert config.state == tmp_path / "site-state"
    assert (config.every, config.near.per_second, config.far.per_second) == (120.0, 50.0, 5.0)
    assert str(config.interface.bbmd) == "10.1.0.2:47808"
    (rule,) = config.rules
    assert rule == Rule(15.0, ("analog-input,*",), ("*Temp*",), frozenset({7}), False)
    assert rule.fits(7, "analog-input,1", "Zone Temp 1")
    assert not rule.fits(8, "analog-input,1", "Zone Temp 1")
    assert not rule.fits(7, "analog-input,1", "Zone CO2")
    (command,) = config.commands
    assert (command.highest, command.longest) == (10, 14400.0)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('scan = "site.json"', "", "network.scan is missing"),
        ("rate = 50", "rats = 50", "no key pace.rats"),
        ("rate = 50", "rate = 0", "above 0"),
        ("rate = 50", 'rate = "fast"', "pace.rate has a value of the wrong kind"),
        ('every = "2m"', 'every = "soon"', "poll.every is a duration"),
        ('every = "2m"', "every = -1", "poll.every is above 0"),
        ("10.0.0.9/24", "office", 'network.address is ours .* not "office"'),
        ("10.0.0.9/24", "10.0.0.9", "with the prefix"),
        ('bbmd = "10.1.0.2"', "retries = -1", "network.retries is from 0"),
        ('bbmd = "10.1.0.2"', "udp-port = 70000", "network.udp-port is from 1"),
        ("[pace]", '[cov]\nlifetime = "100ms"\n[pace]', "cov.lifetime is a second at least"),
        ("10.1.0.2", "10.1.0.2:99999999", "port"),
        ("Europe/Berlin", "Europe/Atlantis", "Atlantis"),
        ("highest-priority = 10", "highest-priority = 17", "1 to 16"),
        ('objects = ["analog-value,*"]', "", "commands.objects is missing"),
        ("device = 7", "", "device is missing"),
        ("[pace]", "[pace", "line"),
        ("[pace]", "[extra]\na = 1\n[pace]", "no key extra"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(BadConfig, match=says) as caught:
        read_config(written(tmp_path, GOOD.replace(old, new)))
    assert "site.toml" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="none"):
        read_config(tmp_path / "none.toml")


def test_a_scan_with_an_address_that_is_none_is_told(tmp_path: Path) -> None:
    device = Device(Address("nowhere"), 7, objects=(BacnetObject("analog-input", 1),))
    (tmp_path / "site.json").write_text(network_json(Network("site", (device,))))
    with pytest.raises(BadScan, match=r"site\.json.*nowhere"):
        planned(read_config(written(tmp_path, GOOD)))


def test_a_scan_without_a_name_is_told(tmp_path: Path) -> None:
    text = network_json(Network("site")).replace('"site"', '" "')
    (tmp_path / "site.json").write_text(text)
    with pytest.raises(BadScan, match="the network's name is empty"):
        planned(read_config(written(tmp_path, GOOD)))
