# The project's verbs. CI calls `check` and `test`, as people do. All that is needed: Python 3.11 or newer, git, make.

.DEFAULT_GOAL := help
.PHONY: help setup check fix test demo docs bench faults soak clean
.DELETE_ON_ERROR:

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet

# The first interpreter that is new enough. `make setup PYTHON=/path/to/python` chooses another.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo $$p; break; fi; done)

# How many processes run the tests, a file at a time. Two keep two cores busy: much of a test is waiting for a server to answer.
PROCESSES ?= 2

# Whom `make bench` measures beside ours: all, none, or names; BENCH holds further options (`make bench BENCH=--help`).
PEERS ?= all
BENCH ?=

# A stamp says what is installed in .venv; it is redone when pyproject.toml or the recipe changes.
RUNTIME := $(VENV)/.stamp-runtime
DEVELOP := $(VENV)/.stamp-develop
DOCS := $(VENV)/.stamp-docs

help: ## says what the verbs do
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

setup: $(DEVELOP) ## makes .venv with the platform and the tools to work on it

check: $(DEVELOP) ## format, lint, types, import contracts, generated files
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m pyright --project pyproject.toml
	$(VENV)/bin/lint-imports --no-cache
	$(PY) scripts/unasync.py --check
	$(PY) scripts/docs_reference.py --check
	@$(VENV)/bin/towncrier build --draft --version next >/dev/null

fix: $(DEVELOP) ## formats, and regenerates what is generated
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .
	$(PY) scripts/unasync.py
	$(PY) scripts/docs_reference.py

test: $(DEVELOP) ## all tests
	$(PY) -m pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder

demo: $(RUNTIME) ## starts a platform, deploys the examples, calls each one, stops
	$(VENV)/bin/trivet demo

docs: $(DEVELOP) $(DOCS) ## builds the documentation into site/
	$(PY) scripts/docs_reference.py --check
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet

bench: $(DEVELOP) ## measures this machine: ours, the floor and peers in one run; PEERS=none is quick
	$(PY) -m benchmarks --install --peers $(PEERS) --json benchmarks/results/bench.json $(BENCH)

faults: $(DEVELOP) ## hurts a platform in every way under load, and audits what its callers were told
	$(PY) -m tests.faults

soak: $(DEVELOP) ## half an hour of mixed load: does anything grow?
	$(PY) -m tests.faults.soak

clean: ## removes all that the other verbs made
	rm -rf $(VENV) build dist site benchmarks/.cache benchmarks/results .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .grimp_cache
	find src tests scripts benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@if [ -z "$(PYTHON)" ]; then \
		echo "Trivet needs Python 3.11 or newer, and none was found on PATH." >&2; \
		echo "Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; fi
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) does not run, or is older than Python 3.11." >&2; \
		echo "Name another: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { \
		rm -rf $(VENV); \
		echo "$(PYTHON) could not make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(PIP) install --upgrade 'pip>=25.1' # the first that knows --group

$(RUNTIME): pyproject.toml | $(PY)
	@echo "Installing Trivet into $(VENV) …"
	@$(PIP) install --editable '.[server]'
	@touch $@

$(DEVELOP): $(RUNTIME)
	@echo "Installing the tools for tests and checks …"
	@$(PIP) install --group test --group check
	@touch $@

$(DOCS): $(RUNTIME)
	@echo "Installing the tools for the documentation …"
	@$(PIP) install --group docs
	@touch $@
