# Two commands do all set-up: `make demo` shows what Undercroft does, `make test` proves it.
# They need git, Python 3.11 or later with pip and venv, and make; the rest they install below this directory.

PYTHON ?= python3
UV := .tools/bin/uv
RUN := .venv/bin
NODE_GROUP := $(if $(shell command -v npm 2>/dev/null),,--group node)
export UV_PYTHON_DOWNLOADS := never
export UV_PYTHON := $(PYTHON)
export UV_COMPILE_BYTECODE := 1

.PHONY: demo test setup check test-fast test-slow clients clean

demo: $(UV)
	$(UV) sync --quiet --frozen --no-dev --inexact --extra demo
	$(RUN)/undercroft demo

test: setup check clients test-fast test-slow

setup: $(UV)
	$(UV) sync --quiet --frozen --extra demo --group bench $(NODE_GROUP)

check:
	$(RUN)/ruff format --check --quiet .
	$(RUN)/ruff check --quiet .
	$(RUN)/mypy
	$(RUN)/mypy --strict clients/python/undercroft_client
	$(RUN)/lint-imports

clients:
	PATH="$$PATH:$(CURDIR)/$(RUN)" npm ci --prefix clients/js --no-audit --no-fund

test-fast:
	$(RUN)/coverage erase
	$(RUN)/coverage run -m pytest -q -m "not slow"
	$(RUN)/coverage combine --quiet
	$(RUN)/coverage report --format=total

test-slow:
	$(RUN)/python -m pytest -q -m slow

$(UV):
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.8

clean:
	rm -rf .venv .tools clients/js/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
