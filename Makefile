# The two commands are `make demo` and `make test`; both make the environment they need.

PYTHON ?= python3
PORT ?= 8080
DEMO_DATA ?= demo-data
BIN := .venv/bin

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
	$(BIN)/python -m pytest

format: .venv/developed
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.venv/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Python's venv is missing: apt-get install python3-venv"; exit 1; }
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
