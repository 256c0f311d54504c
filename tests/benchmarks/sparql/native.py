"""Oxigraph's own server: the command from PATH, or installed from PyPI into a folder of the benchmark."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Native:
    """The command `oxigraph`, and what it says of its version."""

    command: str
    version: str


def find_native(folder: Path) -> Native:
    """Return the command of PATH, or of a fresh environment in `folder`: it is no dependency of ours."""
    command = shutil.which("oxigraph")
    if command is None:
        environment = folder / "oxigraph-venv"
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        pip = [str(environment / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", "oxigraph"]
        subprocess.run(pip, check=True, env={**os.environ, "PIP_NO_INPUT": "1"}, stdout=sys.stderr)
        command = str(environment / "bin/oxigraph")
    version = subprocess.run([command, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    return Native(command, version)
