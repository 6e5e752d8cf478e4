# `make` lists the verbs.
PYTHON ?= python3.11
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo serve mlflow test test-slow check lint audit docs

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv/stamp: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-build-isolation --no-deps -e .
	touch $@

setup: .venv/stamp ## build .venv from requirements.lock

demo: setup ## the whole main job on simulated records, in a few minutes
	$(BIN)/linerisk demo

serve: setup ## serve tiers over HTTP on what the demo made
	$(BIN)/linerisk serve --home var/demo

mlflow: setup ## look at the runs and versions of LINERISK_HOME (default var), on this machine only
	MLFLOW_DISABLE_TELEMETRY=true $(BIN)/mlflow ui --host 127.0.0.1 --port 5000 \
	  --backend-store-uri sqlite:///$(abspath $(or $(LINERISK_HOME),var))/mlflow.db

# Two processes of one thread each: libraries that each take all cores would hold each other up.
test: setup ## run the tests
	POLARS_MAX_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/pytest -m "not slow" -n 2 --dist loadscope

test-slow: setup ## run the tests that take minutes
	$(BIN)/pytest -m slow

lint: setup ## style, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: setup ## what a release is made of (build/sbom.cdx.json), and whether anything in it is known to be vulnerable
	$(BIN)/python .ci/audit.py

docs: setup ## print again what is generated: features, errors, settings, commands, rooms, notebook outputs
	$(BIN)/python -m linerisk.features.manual
	$(BIN)/python tests/docs/pages.py
	$(BIN)/python tests/docs/notebooks.py

check: lint test ## what a change must pass
