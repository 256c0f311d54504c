"""Gateway and server are killed: no record of a trend log is lost or comes twice, no command is left standing."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import rusty_bacnet

from tests.server.bacnet.conftest import fresh_address
from tests.server.bacnet.test_commands import put_model
from tests.server.bacnet.test_gateway import configured, readings, series_of
from tests.support.bacnet import raw, rusty
from tests.support.faults import ROUNDS
from tests.support.server import COMMAND
from tests.support.service import Service, serving

START = datetime(2026, 3, 1, 12, 0, 0)


class Growing(threading.Thread):
    """A trend log that gets a record every few milliseconds."""

    def __init__(self, device: raw.RawDevice) -> None:
        super().__init__(daemon=True)
        self.device = device
        self.number = 0
        self.ended = threading.Event()

    def run(self) -> None:
        """Log until told to stop."""
        while not self.ended.wait(0.004):
            self.number += 1
            self.device.log(1, self.number, START + timedelta(seconds=self.number), float(self.number))

    def stop(self) -> int:
        """Stop, and return how many records there are."""
        self.ended.set()
        self.join()
        return self.number


def gateway(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*COMMAND, "bacnet", "run", str(folder / "site.toml")], stderr=subprocess.DEVNULL)


def pointed_at(folder: Path, service: Service) -> None:
    text = (folder / "site.toml").read_text()
    old = next(line for line in text.splitlines() if "url" in line)
    (folder / "site.toml").write_text(text.replace(old, f'        url = "{service.url}"'))


def test_no_record_is_lost_and_none_doubled(tmp_path: Path) -> None:
    chance = random.Random(6)
    device = raw.RawDevice(7, fresh_address(), room=100_000)
    device.add(0, 1, "Zone Temp", raw.real(20.0))
    device.add_log(1, 0, 1)
    growing = Growing(device)
    with raw.running(device):
        more = '[gateway]\ntimezone = "UTC"\n[trends]\nevery = "50ms"\n[poll]\nevery = "1h"\n[cov]\nenabled = false'
        _, network = configured(tmp_path, [device.address], "http://127.0.0.1:9", more)
        series = series_of(network, "analog-input,1")
        growing.start()
        for _ in range(max(2, ROUNDS // 7)):
            kills(tmp_path, chance)
        count = growing.stop()
        with serving(tmp_path / "data") as service:
            pointed_at(tmp_path, service)
            running = gateway(tmp_path)
            end = time.monotonic() + 60
            while len(logged(service, series)) < count and time.monotonic() < end:
                time.sleep(0.2)
            running.terminate()
            assert running.wait(30) == 0
            found = logged(service, series)
    assert count > 100
    assert found == [START + timedelta(seconds=number) for number in range(1, count + 1)]


def logged(service: Service, series: str) -> list[datetime]:
    """Return the times of the log's readings, in order; polled ones are of today."""
    found = (datetime.fromisoformat(each[0]) for each in readings(service.url, series))
    times = (each.astimezone(UTC).replace(tzinfo=None) for each in found)
    return [each for each in times if each < START + timedelta(days=30)]


def kills(folder: Path, chance: random.Random) -> None:
    """Let a server and a gateway run for a while, and kill both, in either order."""
    with serving(folder / "data") as service:
        pointed_at(folder, service)
        running = gateway(folder)
        time.sleep(chance.uniform(1.0, 2.5))
        victims = [running.kill, service.kill]
        chance.shuffle(victims)
        victims[0]()
        time.sleep(chance.uniform(0.0, 0.7))
        victims[1]()
        running.wait()


def test_a_command_is_taken_back_although_everything_was_killed(tmp_path: Path) -> None:
    address = fresh_address()
    valve = rusty_bacnet.ObjectIdentifier(rusty_bacnet.ObjectType.ANALOG_OUTPUT, 1)
    made = rusty.device(9, address, lambda device: device.add_analog_output(1, "Valve", 98))
    more = '[poll]\nevery = "1h"\n[[commands]]\ndevice = 9\nobjects = ["*"]'
    with rusty.running(made) as devices:
        _, network = configured(tmp_path, [address], "http://127.0.0.1:9", more)

        def present() -> float:
            value = devices.call(made.read_property, valve, rusty_bacnet.PropertyIdentifier.PRESENT_VALUE)
            return float(value.value)

        with serving(tmp_path / "data") as service:
            put_model(network, service.url)
            pointed_at(tmp_path, service)
            running = gateway(tmp_path)
            order = {"point": series_of(network, "analog-output,1"), "value": 42.0, "seconds": 2}
            answer = httpx2.post(f"{service.url}/commands?timeout=60", json=order, timeout=90)
            running.kill()
            service.kill()
            running.wait()
        assert answer.status_code == 200, answer.text
        assert present() == 42.0
        time.sleep(2.0)
        assert present() == 42.0  # nobody is there to take it back
        running = gateway(tmp_path)  # the server is still away
        end = time.monotonic() + 60
        while present() == 42.0 and time.monotonic() < end:
            time.sleep(0.1)
        running.terminate()
        assert running.wait(30) == 0
        assert present() == 0.0
