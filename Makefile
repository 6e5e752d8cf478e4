# `make` lists the verbs.
PYTHON ?= python3.11
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo serve mlflow test test-slow check lint audit docs

# Python compiles a module when it is first imported, and keeps the result: compiling all that is installed takes longer.
unexport PYTHONDONTWRITEBYTECODE
INSTALL := $(BIN)/pip install --quiet --no-compile --no-deps

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv/stamp: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-build-isolation -e .
	touch $@

.venv/dev-stamp: .venv/stamp requirements-dev.lock
	$(INSTALL) --require-hashes -r requirements-dev.lock
	touch $@

setup: .venv/stamp ## build .venv from requirements.lock: what running needs
setup-dev: .venv/dev-stamp ## add what development and tests need, from requirements-dev.lock

demo: setup ## the whole main job on simulated records, in a few minutes
	$(BIN)/linerisk demo

serve: setup ## serve tiers over HTTP on what the demo made
	$(BIN)/linerisk serve --home var/demo

mlflow: setup-dev ## look at the runs and versions of LINERISK_HOME (default var), on this machine only
	MLFLOW_DISABLE_TELEMETRY=true $(BIN)/mlflow ui --host 127.0.0.1 --port 5000 \
	  --backend-store-uri sqlite:///$(abspath $(or $(LINERISK_HOME),var))/mlflow.db

# Two processes of one thread each: libraries that each take all cores would hold each other up.
test: setup-dev ## run the tests
	POLARS_MAX_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/pytest -m "not slow" -n 2 --dist loadscope

test-slow: setup-dev ## run the tests that take minutes
	$(BIN)/pytest -m slow

lint: setup-dev ## style, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: setup-dev ## what a release is made of (build/sbom.cdx.json), and whether anything in it is known to be vulnerable
	$(BIN)/python .ci/audit.py

docs: setup-dev ## print again what is generated: features, errors, settings, commands, rooms, notebook outputs
	$(BIN)/python -m linerisk.features.manual
	$(BIN)/python tests/docs/pages.py
	$(BIN)/python tests/docs/notebooks.py

check: lint test ## what a change must pass
