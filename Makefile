# Every target does its own set-up: a virtual environment in .venv, with mlx-convert in it.
PYTHON ?= $(firstword $(shell for one in python3 python3.13 python3.12 python3.11; do \
	$$one -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$one; done) python3)
BIN := .venv/bin
# On Linux the torch of the usual index brings gigabytes for graphics cards; the comparison takes the CPU.
TORCH_FROM := $(if $(filter Linux,$(shell uname)),--index-url https://download.pytorch.org/whl/cpu)
SWEEP ?= --write
# Two test processes share two cores: more threads of OpenBLAS would only wait for each other. Tests start Python some thousand
# times: where bytecode is not kept, as in many containers, each of them would compile our modules anew.
PYTEST := OPENBLAS_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

.PHONY: help contract demo test test-all browser check bench kill coverage transformers-sweep gguf-transformers peft-merge vlm vlm-sweep words docs screenshots clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/  /'

demo: .venv/installed  ## Convert a small real model, ask it something, show the figures
	@$(BIN)/mlx-convert demo

test: .venv/developed browser check  ## Everything that CI runs: style, types, contracts and tests, long sweeps sampled
	$(PYTEST) -m "not slow"

test-all: .venv/developed browser check  ## The same, with the long sweeps whole
	$(PYTEST)

browser:
	@sh .ci/tools test $(PYTHON)

check: .venv/developed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/developed  ## Compare with mlx_lm.convert: time, memory, ratios
	$(BIN)/python benchmarks/convert.py

kill: .venv/developed  ## Kill fifty conversions at random moments and look what is left
	$(BIN)/python benchmarks/kill.py

contract:  ## Check what we rely on in mlx-lm and MLX against their newest releases, in an environment of its own
	@$(PYTHON) -m venv build/newest
	@build/newest/bin/python -m pip install --quiet --disable-pip-version-check --editable .
	@build/newest/bin/python -m pip install --quiet --disable-pip-version-check --upgrade mlx-lm \
		$$($(PYTHON) -c 'import sys; print("mlx" if sys.platform == "darwin" else "mlx[cpu]")')
	@build/newest/bin/python -m mlx_convert_lm.contract

coverage: .venv/developed  ## Compare every architecture with mlx_lm.convert; writes docs/architectures.md
	nice -n 5 $(BIN)/python tests/architectures/coverage.py --write docs/architectures.md

transformers-sweep:  ## Compare with transformers on torch, in an environment of its own; writes its column there
	@$(PYTHON) -m venv build/transformers
	@build/transformers/bin/python -m pip install --quiet --disable-pip-version-check torch $(TORCH_FROM)
	@build/transformers/bin/python -m pip install --quiet --disable-pip-version-check --editable .
	build/transformers/bin/python tests/architectures/transformers_sweep.py $(SWEEP)

gguf-transformers:  ## Compare GGUF files with transformers' own reading of them, in an environment of its own
	@$(PYTHON) -m venv build/transformers
	@build/transformers/bin/python -m pip install --quiet --disable-pip-version-check torch $(TORCH_FROM)
	@build/transformers/bin/python -m pip install --quiet --disable-pip-version-check accelerate --editable .
	build/transformers/bin/python tests/gguf/transformers_gguf.py $(SWEEP)

peft-merge:  ## Compare fused adapters with peft's own merge on torch, in an environment of its own
	@$(PYTHON) -m venv build/transformers
	@build/transformers/bin/python -m pip install --quiet --disable-pip-version-check torch $(TORCH_FROM)
	@build/transformers/bin/python -m pip install --quiet --disable-pip-version-check peft --editable .
	build/transformers/bin/python tests/lm/peft_merge.py

vlm:  ## Test the plugin for models that see and hear, in an environment of its own with mlx-vlm
	@sh plugins/mlx-convert-vlm/environment $(PYTHON)
	cd tests/vlm && ../../build/vlm/bin/python -W ignore -m pytest -q -c /dev/null --rootdir . --confcutdir . .

vlm-sweep:  ## Compare every architecture of mlx-vlm that can be made small with mlx_vlm.convert; writes its page
	@sh plugins/mlx-convert-vlm/environment $(PYTHON)
	@build/vlm/bin/python -m pip install --quiet --disable-pip-version-check torch $(TORCH_FROM)
	build/vlm/bin/python -W ignore tests/vlm/sweep.py --write plugins/mlx-convert-vlm/ARCHITECTURES.md

words: .venv/developed  ## Write the messages of the app into the files of its translations
	$(BIN)/python tests/words/messages.py --write

docs: .venv/developed  ## Write docs/troubleshooting.md from the table of error codes
	$(BIN)/python tests/docs/troubleshooting.py --write

screenshots: .venv/developed browser  ## Picture every page of the UI, in both themes, into docs/screenshots
	cd tests && ../$(BIN)/python -m browser.screenshots

clean:  ## Remove the virtual environment and caches
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache dist build

.venv/installed: pyproject.toml
	@sh .ci/tools run $(PYTHON)
	@echo "Setting up .venv: some minutes the first time."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/developed: .venv/installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
