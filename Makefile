# make demo   set up, install, run the main job        make test   set up, run every test
# make check  everything that has to hold              make docs   build docs/_build/html
# make oracle functions beside PyTorch's and JAX's     make bench  compiled steps beside theirs
#
# The environment is .venv in this checkout. Each extra of pyproject.toml leaves a stamp there once it is installed,
# so that a second call starts at once. Paths are relative: the checkout may lie in a folder with spaces in its name.

PYTHON ?= python3
JOBS ?= auto
ARGS ?=

PY = .venv/bin/python
INSTALL = $(PY) -m pip --disable-pip-version-check --no-input --quiet install

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check format-check lint types imports lines format docs oracle bench clean distclean

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | head -3

demo: .venv/clew-data
	.venv/bin/clew demo $(ARGS)

test: .venv/clew-test  ## ARGS="tests/ops -k sin" runs some of them
	$(PY) -m pytest -n $(JOBS) --maxprocesses 4 $(ARGS)

check: format-check lint types imports lines test

format-check: .venv/clew-check
	$(PY) -m ruff format --check .

lint: .venv/clew-check
	$(PY) -m ruff check .

types: .venv/clew-check
	$(PY) -m mypy

imports: .venv/clew-check
	.venv/bin/lint-imports --no-logo

lines: .venv/made
	$(PY) tools/lines.py

format: .venv/clew-check
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

docs: .venv/clew-docs
	rm -rf docs/_build docs/reference/generated
	$(PY) -m sphinx -q --fail-on-warning --keep-going docs docs/_build/html
	@echo "docs/_build/html/index.html"

oracle: .venv/clew-oracle  ## large: PyTorch and JAX are installed beside clew
	$(PY) -m pytest -W ignore $(ARGS) tests/oracle

# PyTensor's Numba pins an older llvmlite than clew needs; the benchmark does not use it.
bench: .venv/clew-bench  ## ARGS="mlp gpt --seconds 5"
	$(INSTALL) pytensor && $(INSTALL) 'llvmlite>=0.50'
	$(PY) -m benchmarks.compiled --first --start --memory --json out/bench.json $(ARGS)

clean:
	rm -rf build dist out docs/_build docs/reference/generated .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests tools docs examples -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

distclean: clean
	rm -rf .venv

.venv/made:
	@command -v $(PYTHON) >/dev/null || { echo "clew needs Python 3.11 or newer, and there is no $(PYTHON) here; name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit("clew needs Python 3.11 or newer; $(PYTHON) is %d.%d; name another: make PYTHON=python3.11" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	@touch $@

.venv/clew-%: .venv/made pyproject.toml
	$(INSTALL) --editable '.[$*]'
	@touch $@
