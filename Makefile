# Every chore is one command here; CI runs the same ones (.ci/run).
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test check campaign promise bench bench-quick format readme manifests plugin lock clean

help:
	@echo "make demo     install into $(VENV) and show the main job end to end"
	@echo "make test     run the tests"
	@echo "make check    format, lint, types, import contract"
	@echo "make campaign kill it, starve it, count what is lost (ARGS=--release before a release)"
	@echo "make promise  the proof of one promise of docs/guarantees.md (R=R4)"
	@echo "make bench    measure it beside the bare machine and write docs/performance.md, ten minutes"
	@echo "make bench-quick  the same in a minute, and only print it"
	@echo "make format   let the formatter write"
	@echo "make readme   put the table of settings into the README"
	@echo "make manifests write deploy/service.yaml anew from deploy/sidecar (needs Go)"
	@echo "make plugin   build the plugin of Botkube into dist/plugin (PLUGIN_URL=where it will be served)"
	@echo "make lock     renew the versions and hashes the image is built from"
	@echo "make clean    remove what was made here"

demo: $(VENV)/installed
	@$(BIN)/python tools/demo.py

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest

check: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_shape.py tests/deploy/test_manifests.py tests/deploy/test_locks.py

# Prints its seed and a ledger; exit code 1 when a promise is broken (docs/guarantees.md).
campaign: $(VENV)/installed-dev
	@$(BIN)/python -m campaign $(ARGS)

# The tests that hold it, then the chapters of the small campaign that make trouble for it.
promise: $(VENV)/installed-dev
	@test -n "$(R)" || { echo "say which one: make promise R=R4"; exit 2; }
	$(BIN)/python -m pytest --promise $(R) || test $$? = 5
	@$(BIN)/python -m campaign --size small --promise $(R)

# Ratios, each beside its goal; needs cc. What it compares with is installed where that is possible.
bench: $(VENV)/installed-dev
	@benchmarks/programs/prepare.sh
	@$(BIN)/python -m benchmarks --write $(ARGS)

bench-quick: $(VENV)/installed-dev
	@$(BIN)/python -m benchmarks --size quick $(ARGS)

format: $(VENV)/installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

readme: $(VENV)/installed-dev
	$(BIN)/python tools/settings_table.py

# The comments at the head of the file stay.
manifests: $(VENV)/manifests
	@sed '/^---$$/q' deploy/service.yaml > deploy/service.yaml.new
	@$(VENV)/manifests -text deploy/sidecar >> deploy/service.yaml.new
	@mv deploy/service.yaml.new deploy/service.yaml

# One file and its index; PLUGIN_INDEX=only writes just the index, for another address.
PLUGIN_URL ?= http://localhost:3010
PLUGIN_DOCUMENTATION ?=
PLUGIN_PYTHON ?=
PLUGIN_INDEX ?=
plugin: $(VENV)/installed-dev
	$(BIN)/python tools/plugin.py --url '$(PLUGIN_URL)' --documentation '$(PLUGIN_DOCUMENTATION)' \
	  --python '$(PLUGIN_PYTHON)' $(if $(filter only,$(PLUGIN_INDEX)),--index-only)

LOCK := pip compile --python-version 3.11 --python-platform linux --generate-hashes --no-header --quiet --upgrade
lock: $(VENV)/installed-dev
	$(BIN)/uv $(LOCK) --output-file requirements.lock pyproject.toml
	$(BIN)/uv $(LOCK) --output-file requirements-build.lock requirements-build.in
	$(BIN)/uv $(LOCK) --extra botkube --output-file requirements-plugin.lock pyproject.toml requirements-plugin.in

clean:
	rm -rf $(VENV) .demo .campaign .benchmarks build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "generic-executor-service needs Python 3.11 or newer; name one with make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# Renders and judges deploy/; Go comes from the machine or from the virtualenv (.ci/run).
$(VENV)/manifests: $(wildcard tools/manifests/*) | $(BIN)/python
	@cd tools/manifests && PATH="$(CURDIR)/$(BIN):$$PATH" GOTOOLCHAIN=local GOFLAGS=-mod=readonly \
	  go build -buildvcs=false -o $(CURDIR)/$@ .

$(VENV)/installed: pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV), with what the tests need …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/installed
