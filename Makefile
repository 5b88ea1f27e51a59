# Everything runs in .venv, which `make` keeps in step with pyproject.toml and constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | column -t -s "$$(printf '\t')"

$(VENV)/.run: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "Python's venv is missing: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.test: $(VENV)/.run
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

install: $(VENV)/.run ## Make the environment

run: $(VENV)/.run ## Start the studio: web, worker and chat server
	$(BIN)/studio up

chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || { \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq chromium >/dev/null; \
	  else echo "Chromium is missing: sudo apt-get install chromium"; exit 1; fi; }

check: $(VENV)/.test ## Format, lint, import contracts and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

# Two processes mostly wait for workers and browsers, two others keep the cores busy. tests/conftest.py
# keeps related tests together and starts the longest first.
PYTEST = $(BIN)/python -m pytest -n 4 --dist loadscope --no-loadscope-reorder

# The checks run beside the tests, which wait for half a core in their first minutes.
test: $(VENV)/.test chromium ## Everything that must hold before a commit
	$(MAKE) --no-print-directory --jobs 2 check pytest

pytest:
	$(PYTEST)

test-long: $(VENV)/.test chromium ## What `make test` leaves out: all mutants, each fault on both installations, demonstrations …
	$(PYTEST) -m long

test-gpu: $(VENV)/.test ## On a machine with a GPU, in at most eight minutes: QLoRA, full training, a kill, chat, memory, pace
	$(BIN)/python -m pytest -n 0 -s -m gpu tests/gpu

models: $(VENV)/.run ## Pretrain the bundled models: an hour or two on two cores; resumes if it was killed
	STUDIO_DATA_DIR=$${STUDIO_DATA_DIR:-build/studio} $(BIN)/studio models build --to templates/models

.PHONY: help install run chromium check test pytest test-long test-gpu models
