# `make` lists the targets. Everything runs in .venv, which `make setup` makes.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo serve test clients engines conformance conformance-page faults overload fuzz api-fuzz soak check lint format types layout imports bench performance build isolate verify-types floor docs constraints clean

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-done
NATIVE_STAMP := $(VENV)/.native-done
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PACKAGES := -e ./schema -e './exporter[otlp-grpc,otlp-http]' -e './collector[mcp]'
ARGS ?=
FORMAT ?= text
TARGET ?=
ENGINE ?=
SECONDS ?= 60
MINUTES ?= 10
EXAMPLES ?= 40

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: $(STAMP) $(NATIVE_STAMP) ## Make .venv and install the three packages, the tools and, where cargo is, the native decoder

$(STAMP): schema/pyproject.toml exporter/pyproject.toml collector/pyproject.toml requirements-dev.txt constraints.txt
	@scripts/make_venv.sh $(VENV)
	$(PIP) install -c constraints.txt -r requirements-dev.txt
	$(PIP) install -c constraints.txt --no-build-isolation $(PACKAGES)
	@touch $@

$(NATIVE_STAMP): $(STAMP) scripts/make_native.sh $(wildcard native/*.toml native/*.txt native/Cargo.lock native/*.pyi native/src/*.rs native/src/*/*.rs)
	@scripts/make_native.sh $(VENV)
	@touch $@

demo: setup ## Start the collector, run example workflows, print their history
	$(BIN)/stepscope demo $(ARGS)

serve: setup ## Run the collector until stopped; flags in ARGS="..."
	$(BIN)/stepscope serve $(ARGS)

test: setup ## Run all tests with branch coverage; a selection in ARGS="..."
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --cov --cov-report=$(if $(CI),,term) $(if $(ARGS),--cov-fail-under=0) $(ARGS)

clients: setup ## Send with SDKs of four languages, telemetrygen and the OpenTelemetry Collector; downloads them
	$(BIN)/python -m pytest -m clients tests/integration/clients $(ARGS)

engines: setup ## Run workflow engines against a collector, in environments of their own; one: ENGINE=prefect
	$(BIN)/python -m pytest -m engines tests/integration/engines$(if $(ENGINE),/test_$(ENGINE).py) $(ARGS)

conformance: setup ## Ask an OTLP server for every row of the checklist; TARGET=HOST:PORT, FORMAT=text|markdown|json
	@$(BIN)/python -m tests.conformance.probe --format $(FORMAT) $(ARGS) $(TARGET)

conformance-page: setup ## Write docs/conformance.md: our rows and those of other servers, which it downloads
	$(BIN)/python -m tests.conformance.probe.page

faults: setup ## Kill the collector 100 times under load, cut its power at 100 moments, fail its disk, check what it has promised
	FAULT_ROUNDS=100 FAULT_CRASHES=100 $(BIN)/python -m pytest tests/faults $(ARGS)

soak: setup ## Write 10 times what the data directory may hold, watch that it never becomes larger; 5 minutes (ARGS='20 1GB': other sizes)
	$(BIN)/python -m tests.faults.soak $(ARGS)

overload: setup ## Send a collector three times what it can take for MINUTES=10, check that nothing is lost and memory is flat
	$(BIN)/python -m tests.faults.overload $(MINUTES)

fuzz: setup ## Feed the receivers what a fuzzer makes up, SECONDS=60 for each target, in an environment of its own
	@scripts/make_fuzz_venv.sh .isolate/fuzz/venv
	$(BIN)/python -m tests.fuzz.run .isolate/fuzz/venv/bin/python $(SECONDS) $(ARGS)

api-fuzz: setup ## Ask a live collector what its OpenAPI document allows and forbids, EXAMPLES=40 per endpoint, in an environment of its own
	@scripts/make_api_fuzz_venv.sh .isolate/api-fuzz/venv
	$(BIN)/python -m tests.api_fuzz .isolate/api-fuzz/venv/bin/schemathesis $(EXAMPLES) $(ARGS)

check: lint types layout imports isolate verify-types ## Everything CI checks beside the tests

lint: setup ## Lint and check the format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@if command -v cargo-fmt >/dev/null; then cargo fmt --manifest-path native/Cargo.toml --check; else echo "rustfmt is not installed: native/ is not checked"; fi

format: setup ## Fix what lint can fix by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	@if command -v cargo-fmt >/dev/null; then cargo fmt --manifest-path native/Cargo.toml; fi

types: setup ## Check types (mypy strict)
	$(BIN)/mypy

layout: setup ## Check sizes of modules and SQL files, and that no machine is named
	$(BIN)/python scripts/check_layout.py

imports: setup ## Check who imports whom
	$(BIN)/lint-imports --no-cache --no-logo

bench: setup ## Run the benchmarks
	@set -e; shopt -s nullglob; for f in benchmarks/bench_*.py; do echo "== $$f"; $(BIN)/python $$f $(ARGS); done

performance: setup ## Measure everything for an hour, with 20 GB of disk, and write docs/performance.md; one: ARGS="--only ingest"
	$(BIN)/python benchmarks/performance_page.py $(ARGS)

build: setup ## Build the three wheels into dist/
	@rm -rf dist
	@for d in schema exporter collector; do $(BIN)/python -m build --wheel --no-isolation --outdir dist $$d || exit 1; done

isolate: build ## Install each wheel alone in an empty environment and import it
	$(BIN)/python scripts/isolate.py dist

verify-types: build ## Check that the types of the exporter are complete for its users (pyright)
	scripts/verify_types.sh dist

floor: setup ## Run the packages' tests with the oldest dependencies allowed; a selection in ARGS="..."
	@rm -rf .isolate/floor && mkdir -p .isolate && scripts/make_venv.sh .isolate/floor
	$(BIN)/python scripts/floors.py > .isolate/floors.txt
	.isolate/floor/bin/python -m pip --disable-pip-version-check --quiet install -c constraints.txt -r requirements-dev.txt
	.isolate/floor/bin/python -m pip --disable-pip-version-check --quiet install -c .isolate/floors.txt --no-build-isolation $(PACKAGES)
	.isolate/floor/bin/python -m pytest --ignore tests/unit/scripts --ignore tests/contract/test_dependencies.py $(ARGS)

docs: setup ## Generate docs/reference
	$(BIN)/python -m scripts.make_reference

constraints: ## Write constraints.txt anew from the newest versions
	scripts/make_constraints.sh

clean: ## Remove what the other targets made
	rm -rf native/target .venv .isolate .engines dist build .coverage .coverage.* htmlcov .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
