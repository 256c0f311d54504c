# The two commands are `make demo` and `make test`; both make the environment they need.

PYTHON ?= python3
PORT ?= 8080
DEMO_DATA ?= demo-data
BIN := .venv/bin

# Debian ships Python's venv apart; only root can install it.
INSTALL_VENV = { test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq python3-venv; } \
	|| { echo "Python's venv is missing: sudo apt-get install python3-venv"; exit 1; }

.PHONY: demo test lint types imports pytest format clean

demo: .venv/installed
	$(BIN)/twinhouse demo --data $(DEMO_DATA) --port $(PORT)

test: lint types imports pytest

lint: .venv/developed
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/developed
	$(BIN)/mypy

imports: .venv/developed
	$(BIN)/lint-imports

pytest: .venv/developed
	$(BIN)/python -m pytest -n 3

format: .venv/developed
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.venv/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(INSTALL_VENV)
	@$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	@touch $@

.venv/installed: .venv/pip pyproject.toml
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on --quiet --editable .
	@touch $@

.venv/developed: .venv/installed
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --group dev
	@touch $@

clean:
	rm -rf .venv build dist *.egg-info demo-data
