# Everything a person or CI does with this checkout. `make demo` and `make test` install first when needed.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
PORT ?= 3000
# Processes that share the tests: one more than the cores of a small machine, as tests of servers mostly wait.
TEST_JOBS ?= 3
INSTANCE ?=
export DAGSTER_HOME ?= $(CURDIR)/.dagster_home
export MIG_HOME ?= $(CURDIR)/mig_home
export MIG_SOURCES ?= $(CURDIR)/sources.yaml
# Threads that wait give their core back: runs share the machine, and OpenMP's default is to wait in a loop.
export OMP_WAIT_POLICY ?= passive

.PHONY: help install demo dev test e2e lint format bench pages screenshots clean

help: ## what each target does
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: .venv/installed ## make .venv and install the project with its pinned dependencies

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make install PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[offline,postgres,endpoint,dev]'
	@touch $@

demo: .venv/installed ## run the whole asset graph on the embedded sources
	$(BIN)/mig-dagster demo

dev: .venv/installed ## Dagster UI and daemon on http://127.0.0.1:3000, reports on the port after it (PORT=..., INSTANCE=deploy/dagster.postgres.yaml)
	@mkdir -p $(DAGSTER_HOME)
	@# A dagster.yaml that somebody else put there is theirs, unless INSTANCE asks for another one.
	@there=$(DAGSTER_HOME)/dagster.yaml; if [ -n "$(INSTANCE)" ] || [ ! -e $$there ] || cmp -s <(head -n 1 $$there) <(head -n 1 dagster.yaml); \
		then cp $(or $(INSTANCE),dagster.yaml) $$there; fi
	@# Browsers open no file that a page from a server links to: the reports have a server of their own, which ends with
	@# this shell, and so with Dagster, which takes its place.
	$(BIN)/mig-dagster serve-reports --port $$(($(PORT) + 1)) --end-with-parent & \
	MIG_REPORTS_URL=$${MIG_REPORTS_URL:-http://127.0.0.1:$$(($(PORT) + 1))} exec $(BIN)/dagster dev -w workspace.yaml -p $(PORT)

test: .venv/installed lint ## lint, types, layers, definitions, and every test
	$(BIN)/dg check defs
	@# Tests of servers first: they wait much and last long.
	$(BIN)/pytest -n $(TEST_JOBS) --dist loadfile --no-loadscope-reorder tests/e2e tests/faults tests

e2e: .venv/installed ## only the tests that start servers and a browser
	$(BIN)/pytest -m e2e

lint: .venv/installed ## format, ruff, mypy, import layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed ## rewrite the code in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/installed ## run every benchmark; results as JSON beside each script
	for script in ingest ingest_memory label_graph encoder_batching mig_vs_dense mig_large token_budget zip_selection deita qdit car iterit instag neighbours model_scoring pool_language_model reasons report; do $(BIN)/python benchmarks/$$script.py; done

pages: .venv/installed ## write docs/methods/ and docs/reference/ from the code
	$(BIN)/python docs/write_method_pages.py
	$(BIN)/python docs/write_reference.py

screenshots: .venv/installed ## take the README's pictures: the demo and its UI in a temporary folder (needs chromium)
	$(BIN)/python docs/take_screenshots.py

clean: ## forget the virtual environment and every generated folder
	rm -rf .venv .dagster_home mig_home dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .consumers
