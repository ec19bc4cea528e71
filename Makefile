# Everything from a fresh clone: each target first sets up .venv, which takes a few minutes once.
#     make bench ARGS="--preset quick"          options of `matbench run`
#     make test ARGS="tests/kernels -x"         options of pytest
#     make test PYTHON=python3.12               another interpreter; .venv is made anew

PYTHON ?= python3
ARGS ?=

BIN := .venv/bin
READY := .venv/ready-$(notdir $(PYTHON))
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt
WHICH := import sys; print(sys.base_prefix, sys.version)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help bench test check lint readme tools clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

bench: $(READY) ## measure the ladder on this machine (ARGS="--preset quick")
	$(BIN)/matbench run $(ARGS)

test: $(READY) ## run the tests (ARGS="tests/kernels -x")
	$(BIN)/python -m pytest $(ARGS)

check: lint test ## all that has to pass before a commit: lint, then test

lint: $(READY) ## ruff's rules, ruff's format, mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

readme: $(READY) ## write the generated parts of README.md anew
	$(BIN)/python tools/readme.py

tools: $(READY) ## set up .venv and nothing else

clean: ## remove .venv and every cache; results/ stays
	rm -rf .venv .asv .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An interrupted set-up leaves no stamp and is taken up again; a .venv of another interpreter is made anew.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "$(PYTHON) is missing or older than Python 3.11; install a newer one and name it: make PYTHON=python3.12" >&2; \
		exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) comes without venv and ensurepip; install them (on Debian and Ubuntu: python3-venv)" >&2; \
		exit 1; }
	@echo "setting up .venv with $(PYTHON)" >&2
	@rm -f .venv/ready-*
	@{ $(BIN)/python -c 'import pip' && \
		test "$$($(BIN)/python -c '$(WHICH)')" = "$$($(PYTHON) -c '$(WHICH)')"; } 2>/dev/null || \
		$(PYTHON) -m venv --clear .venv
	@$(PIP) --upgrade pip
	@$(PIP) --build-constraint constraints.txt --editable . --group dev
	@touch $@
