# Everything a newcomer needs; `make help` lists it.
SHELL := /bin/bash
PYTHON ?= python3
LANGUAGE := en
BIN := .venv/bin
# What the tests and the type checker can look at; whoever only uses the toolkit takes what they need.
EXTRAS := av,demo,dev,hub,onnx,serve,vad
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help install demo demo-quick test test-all test-latest lint format bench bench-peers fuzz interchange cluster clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

install: .venv/installed ## make .venv with everything in it

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: $(PYTHON) is older than 3.11; run make PYTHON=python3.11" >&2; exit 1; }
	@test -x $(BIN)/uv || { echo "making .venv"; $(PYTHON) -m venv --clear .venv && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv; } || \
	  { echo "make: .venv could not be made; look at the lines above (network? python3-venv?) and run make again" >&2; exit 1; }
	@echo "installing packages into .venv (a minute or a few)"
	@$(BIN)/uv pip install --python $(BIN)/python --constraint constraints.txt --editable '.[$(EXTRAS)]' || \
	  { echo "make: a package could not be installed; look at the lines above and run make again, it goes on where it stopped" >&2; exit 1; }
	@touch $@

demo: .venv/installed ## train, score and use a recognizer on synthetic speech (LANGUAGE=ko for Korean)
	@egs/quickstart/run.sh --language $(LANGUAGE)

demo-quick: .venv/installed ## the same path in a minute, too short to learn much
	@egs/quickstart/run.sh --language $(LANGUAGE) --quick true

test: .venv/installed lint ## format check, lint, types and the fast tests
	@$(BIN)/python -m pytest -m "not slow and not gpu and not network and not peers and not interchange and not cluster"

test-all: .venv/installed lint ## every test that this machine can run
	@$(BIN)/python -m pytest

# An environment of its own, without constraints.txt; make test-latest PYTHON=python3.13 for another Python.
test-latest: .venv/installed ## the fast tests beside the newest of all that pyproject.toml admits
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	  echo "installing the newest packages into $$folder (a minute or a few)" && \
	  $(BIN)/uv venv --quiet --python "$$(command -v $(PYTHON))" "$$folder/venv" && \
	  $(BIN)/uv pip install --quiet --python "$$folder/venv/bin/python" --editable '.[$(EXTRAS)]' && \
	  PATH="$$folder/venv/bin:$$PATH" && python --version && \
	  uv pip list --python "$$folder/venv/bin/python" 2>/dev/null | grep -E '^(torch|torchaudio|lhotse|lightning-fabric|numpy) ' && \
	  python -m pytest -m "not slow and not gpu and not network and not peers and not interchange and not cluster"

lint: .venv/installed ## format check, lint and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: .venv/installed ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: .venv/installed ## timings of the parts on this machine, beside the peers' where they are installed
	@$(BIN)/python tests/benchmarks/compare.py
	@$(BIN)/python tests/benchmarks/pipeline.py
	@$(BIN)/python tests/benchmarks/growth.py --out tests/benchmarks/growth.png

fuzz: .venv/installed ## thousands of damaged files, manifests, configurations, models and transcripts
	@$(BIN)/python tests/fuzz/run.py

bench-peers: .venv-peers/espnet/installed .venv-peers/speechbrain/installed ## install ESPnet and SpeechBrain for make bench

cluster: .venv/installed ## training and decoding on several hosts, made as network namespaces (root), and under Slurm
	@$(BIN)/python -m pytest -q tests/cluster

# Rows whose tool is a Debian package (sctk, chromium) say so where it is missing.
INTERCHANGE := $(patsubst tests/interchange/%.txt,.venv-interchange/%/installed,$(wildcard tests/interchange/*.txt))
PEERS_TOO := .venv-peers/espnet/installed .venv-peers/speechbrain/installed
interchange: .venv/installed $(INTERCHANGE) $(PEERS_TOO) ## what other tools make of our files, and we of theirs: a table
	@$(BIN)/python -m pytest -q tests/interchange --write-results

.venv-interchange/%/installed: .venv/installed tests/interchange/%.txt
	@echo "installing $* into .venv-interchange/$* (a minute or a few)"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-interchange/$*
	@$(BIN)/uv pip install --quiet --python .venv-interchange/$*/bin/python -r tests/interchange/$*.txt
	@touch $@

.venv-peers/%/installed: .venv/installed tests/benchmarks/%.txt
	@echo "installing $* into .venv-peers/$* (a minute or a few)"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-peers/$*
	@$(BIN)/uv pip install --quiet --python .venv-peers/$*/bin/python -r tests/benchmarks/$*.txt
	@touch $@

clean: ## remove what the demo, tests and tools made (not .venv, nor models outside egs/quickstart/exp)
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache egs/quickstart/data egs/quickstart/exp
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
