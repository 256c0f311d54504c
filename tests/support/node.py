"""Programs for node, run against a real server: npm packages are installed once, by a lock file, into a cache."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import require_commands

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "twinhouse-tests"
_SECONDS = 240.0  # to install; a run takes a second or two
_MANIFEST = ("package.json", "package-lock.json")


def installed(project: Path) -> Path:
    """Return a folder with the packages that a project's lock file names, installed unless they are already."""
    require_commands("node", "npm")
    lock = b"".join((project / name).read_bytes() for name in _MANIFEST)
    target = _CACHE / f"node-{sha256(lock).hexdigest()[:16]}"
    if not target.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=_CACHE, prefix="installing-"))
        try:
            _install(project, fresh)
            fresh.replace(target)  # whole or not at all
        except OSError:  # another run was first
            if not target.exists():
                raise
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return target


def _install(project: Path, folder: Path) -> None:
    for name in _MANIFEST:
        shutil.copy(project / name, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode:
        pytest.fail(f"npm ci failed:\n{done.stdout}{done.stderr}")


def run_script(script: Path, *arguments: str) -> Any:  # noqa: ANN401 - JSON
    """Run a script and return the JSON that it prints; what it writes to stderr fails the test."""
    done = subprocess.run(["node", str(script), *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return json.loads(done.stdout)
