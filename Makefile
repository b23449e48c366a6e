# Everything a developer types. `make` alone says what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PORT ?= 4566
export SAM_CLI_TELEMETRY := 0

VENV := .venv/.ready
SAM := .local/sam/.ready
EMULATOR := .local/emulator/.ready
MUTANTS := .local/mutants/.ready
DYNAMODB_LOCAL := .local/dynamodb-local/node_modules/.package-lock.json
PYTHON := .venv/bin/python
UV := .venv/bin/uv
SYNC := $(UV) pip sync --quiet --require-hashes --python

.PHONY: help env run stop reset logs test check mutants bench fmt deploy lock java chromium

help:  ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV) $(SAM) $(EMULATOR)  ## Build, deploy and seed Vouch on this machine (PORT=4566, SEED=0: empty, DETACH=1: return once ready)
	@$(PYTHON) -m local up --port $(PORT) $(if $(filter 0,$(SEED)),--empty) $(if $(filter-out 0,$(DETACH)),--detach)

stop: $(VENV)  ## End what `make run DETACH=1` started; its state is kept
	@$(PYTHON) -m local stop

reset: $(VENV)  ## Stop, and forget the local stack's state
	@$(PYTHON) -m local reset

logs: $(VENV)  ## Show what the functions have logged in the last quarter of an hour
	@$(PYTHON) -m local logs

test: export HYPOTHESIS_PROFILE ?= thorough
test: $(VENV) $(SAM) $(EMULATOR) $(DYNAMODB_LOCAL) java chromium  ## Every test, from bare
	@$(PYTHON) -m pytest -n auto --maxprocesses 4 --dist loadgroup $(ARGS)

check: $(VENV) $(SAM)  ## Lint, types, import rules, template lint, and the tests that need no engine
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/cfn-lint template.yaml
	.local/sam/bin/sam validate --lint --region us-east-1
	$(PYTHON) -m pytest tests/domain tests/platforms

mutants: export HYPOTHESIS_PROFILE := mutants
mutants: $(MUTANTS)  ## Break the domain in thousands of ways and see which its tests miss; takes long (ARGS: names, "vouch.domain.money*")
	@mkdir -p .local/mutated/tests && rm -rf .local/mutated/mutants/tests && cd .local/mutated \
	  && ln -sfn ../../layers/core src && ln -sf ../../pyproject.toml . \
	  && ln -sfn ../../../tests/domain tests/domain && ln -sf ../../../tests/__init__.py tests \
	  && nice ../mutants/bin/mutmut run $(ARGS) && ../mutants/bin/mutmut results | sed '/: not checked$$/d'

bench: $(VENV)  ## What each path costs beside the floor of bare work, measured in one run
	@$(PYTHON) -m bench

fmt: $(VENV)  ## Lay the code out as `make check` wants it
	.venv/bin/ruff check --fix-only
	.venv/bin/ruff format

deploy: $(VENV) $(SAM)  ## Deploy to AWS; SAM asks for what it has to know, and remembers (ARCHITECTURE=: another than last time)
	@$(PYTHON) -m local build $(if $(ARCHITECTURE),--architecture $(ARCHITECTURE))
	@.local/sam/bin/sam deploy --guided

env: $(VENV) $(SAM) $(EMULATOR)  ## Make or mend the environments

lock: $(VENV)  ## Lock the newest versions that requirements/*.in allow
	@compile() { $(UV) pip compile --quiet --upgrade --universal --python-version 3.13 --generate-hashes --no-emit-index-url \
	    --custom-compile-command "make lock" "$$@"; }; \
	compile requirements/runtime.in --output-file layers/core/requirements.txt \
	  && compile requirements/documents.in --no-emit-package pillow --output-file layers/documents/requirements.txt \
	  && for name in uv dev sam emulator mutants; do compile requirements/$$name.in --output-file requirements/$$name.txt || exit 1; done

$(VENV): requirements/uv.txt requirements/dev.txt pyproject.toml
	@for python in python3.13 $${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.13*/bin/python3.13 python3 python; do \
	  $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null && found=$$python && break; done; \
	if [ -z "$$found" ]; then echo "Python 3.13 is missing: install it (pyenv install 3.13, brew install python@3.13, or your system's python3.13 and python3.13-venv) and try again." >&2; exit 1; fi; \
	echo "Preparing the environment in .venv ($$($$found --version))"; \
	[ -x $(UV) ] || { $$found -m venv .venv && $(PYTHON) -m pip install -qq --require-hashes -r requirements/uv.txt; }
	@$(SYNC) .venv requirements/uv.txt requirements/dev.txt
	@$(UV) pip install --quiet --python .venv --no-deps --no-build-isolation --editable .
	@touch $@

$(SAM) $(EMULATOR) $(MUTANTS): .local/%/.ready: requirements/%.txt $(VENV)
	@echo "Preparing .local/$*"
	@[ -x .local/$*/bin/python ] || $(UV) venv --quiet --python $(PYTHON) .local/$*
	@$(SYNC) .local/$* $<
	@touch $@

$(DYNAMODB_LOCAL): tools/dynamodb_local/package.json tools/dynamodb_local/package-lock.json
	@command -v npm >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -q && apt-get install -qy --no-install-recommends npm; } \
	  || { echo "npm is missing: install Node.js and try again." >&2; exit 1; }
	@echo "Preparing .local/dynamodb-local"
	@mkdir -p .local/dynamodb-local && cp $^ .local/dynamodb-local && cd .local/dynamodb-local \
	  && npm ci --silent --ignore-scripts && touch node_modules/.package-lock.json

java:
	@suits() { [ "$$(java -version 2>&1 | sed -nE 's/.* version "([0-9]+).*/\1/p')" -ge 17 ] 2>/dev/null; }; \
	suits || { [ "$$(id -u)" = 0 ] && apt-get update -q && apt-get install -qy --no-install-recommends default-jre-headless; }; \
	suits || { echo "Java is missing or too old: install a JRE of version 17 or later and try again." >&2; exit 1; }

chromium:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -q && apt-get install -qy --no-install-recommends chromium; } \
	  || { echo "Chromium is missing: install it, so that chromium is a command, and try again." >&2; exit 1; }
