"""A network of one's own: two network namespaces, joined by a bridge, in which broadcasts are real. Needs root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Segment:
    """An Ethernet with namespaces on it: for the devices, and for whoever asks."""

    devices: str
    client: str

    def run(self, where: str, *command: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command in a namespace to its end."""
        return subprocess.run(
            ["ip", "netns", "exec", where, *command], cwd=ROOT, capture_output=True, text=True, timeout=timeout
        )

    @contextmanager
    def started(self, module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run a Python module with the devices; it prints `ready` when they answer, and ends with its stdin."""
        command = ["ip", "netns", "exec", self.devices, sys.executable, "-W", "ignore", "-m", module, *arguments]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                yield process
            finally:
                process.kill()


@contextmanager
def segment(device_addresses: Sequence[str], client_address: str = "10.77.0.100/24") -> Iterator[Segment]:
    """Lend a network; addresses have their prefix. Skips the test where there can be none, but never in CI."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        _cannot("network namespaces need root and iproute2")
    tag = f"{os.getpid() % 100000}"
    names = Segment(f"twd{tag}", f"twc{tag}")
    made = []
    try:
        for name in (names.devices, names.client):
            result = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
            if result.returncode != 0:
                _cannot(f"this machine makes no network namespaces: {result.stderr.strip()}")
            made.append(name)
        for command in _commands(names, device_addresses, client_address):
            subprocess.run(command.split(), check=True, capture_output=True)
        yield names
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def _cannot(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _commands(names: Segment, device_addresses: Sequence[str], client_address: str) -> Iterator[str]:
    """Yield what joins the client to a bridge in the namespace of the devices."""
    yield f"ip link add veth0 netns {names.devices} type veth peer name veth0 netns {names.client}"
    yield f"ip -n {names.devices} link add bridge0 type bridge"
    yield f"ip -n {names.devices} link set veth0 master bridge0"
    for name, device in ((names.devices, "veth0"), (names.devices, "bridge0"), (names.client, "veth0")):
        yield f"ip -n {name} link set {device} up"
        yield f"ip -n {name} link set lo up"
    for address in device_addresses:
        yield f"ip -n {names.devices} address add {address} brd + dev bridge0"
    yield f"ip -n {names.client} address add {client_address} brd + dev veth0"
