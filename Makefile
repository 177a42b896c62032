# Two commands do all set-up: `make demo` shows what Undercroft does, `make test` proves it.
# They need git, Python 3.11 or later with pip and venv, and make; the rest they install below this directory.

PYTHON ?= python3
UV := .tools/bin/uv
RUN := .venv/bin
NODE_GROUP := $(if $(shell command -v npm 2>/dev/null),,--group node)
export UV_PYTHON_DOWNLOADS := never
export UV_PYTHON := $(PYTHON)
export UV_COMPILE_BYTECODE := 1
export NO_MKDOCS_2_WARNING := 1

PYTEST := $(RUN)/python -m pytest -q
PARALLEL := -n $(or $(WORKERS),2) --dist loadfile

.PHONY: demo test setup check fast one test-fast test-slow fuzz wheel dist audit clients docs requirements clean

demo: $(UV)
	$(UV) sync --quiet --frozen --no-dev --inexact --extra demo
	$(RUN)/undercroft demo

test: setup check clients test-fast test-slow fuzz-once docs

# One test, a file, or what matches a word: make one T=tests/bus/test_retry.py, make one T="-k lease"
one: setup
	$(PYTEST) $(T)

# What a change needs before it is committed: style, layers, and the fast tests of the folders it touches.
fast: setup
	$(RUN)/ruff format --check --quiet .
	$(RUN)/ruff check --quiet .
	$(RUN)/lint-imports --no-logo > /dev/null || $(RUN)/lint-imports --no-logo
	$(PYTEST) $(PARALLEL) -m "not slow" tests/test_house.py $$($(RUN)/python -m tests.support.touched_tests)

setup: $(UV)
	$(UV) sync --quiet --frozen --extra demo --group bench --group docs $(NODE_GROUP)

check:
	$(RUN)/ruff format --check --quiet .
	$(RUN)/ruff check --quiet .
	$(RUN)/mypy
	$(RUN)/mypy --strict clients/python/undercroft_client
	$(RUN)/lint-imports --no-logo
	$(RUN)/vulture

clients:
	PATH="$$PATH:$(CURDIR)/$(RUN)" npm ci --prefix clients/js --no-audit --no-fund

test-fast:
	$(PYTEST) -m "not slow" $(PARALLEL) --cov --cov-report=
	$(RUN)/coverage report --format=total

test-slow:
	$(PYTEST) -m slow

# Peers, files and servers that mean ill or err, against a real runtime: make fuzz SECONDS=60 [SEED=7] [JSON=1]
# What it finds is kept in tests/fuzz/corpus; make fuzz REPLAY=tests/fuzz/corpus/<case>.json plays it again.
fuzz: setup
	$(RUN)/python -m tests.fuzz $(if $(REPLAY),--replay $(REPLAY),--seconds $(or $(SECONDS),60)) \
	  $(if $(SEED),--seed $(SEED)) $(if $(JSON),--json)

# As part of the tests always the same requests, changes and lies, so that a change is judged by what it changed.
fuzz-once: setup
	$(RUN)/python -m tests.fuzz --seconds 60 --seed 10

# The wheel, with its bill of materials inside and beside it.
wheel: $(UV)
	rm -rf dist
	$(UV) build --quiet --wheel --out-dir dist
	ls dist

# Everything that is installed: the wheel, and the clients for Python and Node. Checked in fresh environments.
dist: wheel clients
	$(UV) build --quiet --wheel --out-dir dist clients/python
	PATH="$$PATH:$(CURDIR)/$(RUN)" npm run --silent --prefix clients/js build
	cd clients/js && PATH="$$PATH:$(CURDIR)/$(RUN)" npm pack --silent --pack-destination $(CURDIR)/dist > /dev/null
	UNDERCROFT_DIST=dist $(PYTEST) tests/deploy/test_distributions.py
	ls dist

# Asks the databases of advisories about every locked version, so it needs the internet; docs/dependencies.md.
audit: $(UV)
	$(UV) audit --frozen
	npm audit --prefix clients/js

docs: setup
	rm -rf build/pages && mkdir -p build/pages
	git ls-files -z --cached --others --exclude-standard '*.md' | tar --null -T - -cf - | tar -xf - -C build/pages
	$(RUN)/mkdocs build --strict --quiet

requirements:
	$(RUN)/python -m tests.support.requirements_page > docs/requirements.md

$(UV):
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.8

clean:
	rm -rf .venv .tools clients/js/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* site
