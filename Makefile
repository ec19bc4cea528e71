# Everything from a fresh clone: each target first sets up .venv, which takes a few minutes once.
#     make bench ARGS="--preset quick"          options of `matbench run`
#     make test ARGS="tests/kernels -x"         options of pytest
#     make test PYTHON=python3.12               another interpreter; .venv is made anew

PYTHON ?= python3
ARGS ?=

BIN := .venv/bin
READY := .venv/ready-$(notdir $(PYTHON))
BROWSER := .venv/ready-browser
LEARNING := .venv/ready-lessons
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt
WHICH := import sys; print(sys.base_prefix, sys.version)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help bench test check lint asv agreement lesson lessons html readme validate scale share tools browser clean

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

asv: $(READY) ## run the suite under asv (ARGS="--bench time_matmul"); on one CPU: taskset -c 0 make asv
	$(BIN)/python tools/suite.py $(ARGS)

lesson: $(LEARNING) ## open the first lesson in Jupyter (ARGS="2": the second; ARGS="--no-browser")
	$(BIN)/matbench lesson open --output my-lessons $(ARGS)

lessons: $(READY) ## make notebooks and pages of all lessons in build/lessons (ARGS="--only 2", "--really")
	$(BIN)/python tools/lessons.py $(ARGS)

html: $(READY) ## publish results/asv as asv's pages and show them (ARGS="--port 8123", "--publish-only")
	$(BIN)/python tools/pages.py $(ARGS)

agreement: $(READY) ## do matbench run, asv and pytest-benchmark agree? ten minutes (ARGS="--rounds 9", "--resume")
	$(BIN)/python tools/agreement.py $(ARGS)

readme: $(READY) ## write the generated parts of README.md, docs/operations.md and docs/gemm.md anew
	$(BIN)/python tools/readme.py
	$(BIN)/python tools/operations.py
	$(BIN)/python tools/gemm.py

validate: $(READY) ## measure how far verdicts can be trusted, 90 minutes (ARGS="simulated": two)
	$(BIN)/python tools/validate.py $(ARGS)

scale: $(READY) ## measure how reading grows from 10 to 1,000 machines, three minutes
	$(BIN)/python tools/fleet.py --measure $(ARGS)

share: $(READY) ## measure what share of the multiply-add peak numba_gemm reaches, two minutes
	$(BIN)/python tools/gemm_share.py

tools: $(READY) ## set up .venv and nothing else

browser: $(BROWSER) ## set up what the browser tests need beside a Chromium

clean: ## remove .venv and every cache; results/ stays
	rm -rf .venv .asv .benchmarks .browser .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist
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

$(LEARNING): $(READY)
	@echo "setting up Jupyter" >&2
	@$(PIP) --editable ".[lessons]"
	@touch $@

$(BROWSER): $(READY) tests/pages/package.json
	@command -v npm >/dev/null || { echo "npm is missing; install it (on Debian and Ubuntu: npm)" >&2; exit 1; }
	@echo "setting up .browser" >&2
	@$(PIP) --group browser
	@mkdir -p .browser
	@cp tests/pages/package.json .browser
	@npm install --prefix .browser --ignore-scripts --no-package-lock --no-audit --no-fund --loglevel error
	@touch $@
