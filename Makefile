# Two commands do all: `make run` and `make test`. Everything is installed into .venv, from hashed lock files.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?=
CONFIG ?=
BASE ?= HEAD

BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
UV := $(BIN)/uv pip
READY := .venv/.ready
SUITES := tests/upstream tests/conformance tests/fields tests/end_to_end tests/faults
FAULTS := --only vendor --only retries --only cuts

.PHONY: help run test test-vllm test-faults test-transports check generate format lock k8s bench clean
.DEFAULT_GOAL := help

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: $(READY) ## Start Parley: PORT=18080, CONFIG=file.yaml
	@$(BIN)/parley up $(if $(CONFIG),--config $(CONFIG)) $(if $(PORT),--port $(PORT))

test: $(READY) ## Run all tests, through a real Envoy and the real model
	$(BIN)/python -m tests.clients.environments
	$(BIN)/python -m tests.aimock.emulator
	$(BIN)/python -m tests.proxies.programs
	$(BIN)/python -m pytest

test-vllm: $(READY) ## Ask a real vLLM through Parley; installs 1.9 GB, and writes docs/vllm.md
	$(BIN)/python -m tests.vllm.lane

test-faults: $(READY) ## Break all that can break, soak it for SOAK=600 seconds, and write docs/faults.md
	$(BIN)/python -m tests.faults.run --soak $(or $(SOAK),600)

test-transports: $(READY) ## Run the suites over aiohttp, and once more without reading streams by analogy
	PARLEY_TEST_TRANSPORT=aiohttp $(BIN)/python -m pytest $(SUITES)
	PARLEY_TEST_DECODE=1 $(BIN)/python -m pytest $(SUITES)
	PARLEY_TEST_TRANSPORT=aiohttp $(BIN)/python -m tests.faults.run $(FAULTS)
	PARLEY_TEST_DECODE=1 $(BIN)/python -m tests.faults.run $(FAULTS)

check: $(READY) ## Format, lint, types, protos, layers, generated code, Envoy's configuration
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/yamllint --strict .
	$(BIN)/lint-imports
	$(BIN)/python protos/lint.py --base $(BASE)
	$(MAKE) --no-print-directory generate
	@git diff --exit-code --stat -- protos gateway docs service/backends/xai_grpc || { echo "generated files were stale; commit what is there now"; exit 1; }
	$(BIN)/python -m gateway.validate

generate: $(READY) ## Make the stubs and the descriptor set anew
	$(BIN)/python protos/generate.py
	$(BIN)/python -m gateway.descriptor
	$(BIN)/python docs/generate.py

format: $(READY) ## Format and sort
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(READY) ## Resolve the dependencies anew, for development and for the images
	grep -v '"parley-protos"' pyproject.toml > .venv/pyproject.toml
	$(UV) compile --quiet --upgrade --universal --python-version 3.11 --all-extras --generate-hashes \
	  --no-header --no-emit-index-url --no-emit-find-links .venv/pyproject.toml -o requirements/dev.lock
	$(BIN)/python -m k8s.locks

k8s: $(READY) ## Build the manifests in every composition and judge them: schemas, agreement with the code, Envoy, images
	$(BIN)/python -m k8s.check
	$(BIN)/hadolint gateway/Dockerfile service/Dockerfile

bench: $(READY) ## Compare Parley with its peers, and write docs/performance.md; QUICK=1 for a glance
	$(BIN)/python -m bench.run $(if $(QUICK),--quick)

clean: ## Remove what was installed
	rm -rf .venv .venvs tests/aimock/node_modules

$(READY): requirements/bootstrap.lock requirements/dev.lock pyproject.toml protos/pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 is needed and was not found"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	$(UV) sync --require-hashes requirements/dev.lock
	$(UV) install --quiet --no-deps --no-build-isolation --config-settings editable_mode=compat -e ./protos -e .
	@touch $(READY)
