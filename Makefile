# Every target does its own set-up: a virtual environment in .venv, with mlx-convert in it.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test test-all check bench kill clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/  /'

demo: .venv/installed  ## Convert a small real model, ask it something, show the figures
	$(BIN)/mlx-convert demo

test: .venv/developed check  ## Everything that CI runs: style, types, contracts and tests, long sweeps sampled
	$(BIN)/python -m pytest -m "not slow"

test-all: .venv/developed check  ## The same, with the long sweeps whole
	$(BIN)/python -m pytest

check: .venv/developed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/developed  ## Compare with mlx_lm.convert: time, memory, ratios
	$(BIN)/python benchmarks/convert.py

kill: .venv/developed  ## Kill fifty conversions at random moments and look what is left
	$(BIN)/python benchmarks/kill.py

clean:  ## Remove the virtual environment and caches
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache dist build

.venv/installed: pyproject.toml
	@sh .ci/tools $(PYTHON)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/developed: .venv/installed
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@
