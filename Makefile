# Each target does all its own set-up from a bare checkout: a virtual environment in .venv and
# everything pyproject.toml asks for. `make demo` and `make test` are the two that matter.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PLUGIN := examples/fgmm-plugin-example
CODE := $(wildcard fgmm knowledge fewshot tests scripts benchmarks examples)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

.PHONY: help demo test lint format docs-test wheel api clean
.DELETE_ON_ERROR:

help:
	@echo "make demo       name pictures from words, and draw a sheet of them in demo/"
	@echo "make test       everything a change must pass: lint, types, wheel, tests"
	@echo "make lint       formatting, lint, types, directions of imports"
	@echo "make format     put the code into its form"
	@echo "make docs-test  run the examples of README, docs and docstrings"
	@echo "make wheel      build the wheel and use it once in a clean environment"
	@echo "make api        write down the public names anew (tests/architecture/api_surface.json)"
	@echo "make clean      remove .venv and everything built"

# Said before the one step that takes long; nothing where torch is there already.
define TELL_WHAT_COMES
$(BIN)/python -c 'import sys, importlib.util as u; sys.exit(u.find_spec("torch") is None)' || { \
  echo "Now pip downloads PyTorch and what else fgmm needs, once, into $(VENV). On Linux that is about"; \
  echo "6 GB on disk, with CUDA libraries, and takes some minutes; elsewhere it is less."; \
  echo "No GPU? Press Ctrl-C, get the small CPU build, and type your command again:"; \
  echo "  $(BIN)/python -m pip install torch torchvision --index-url https://download.pytorch.org/whl/cpu"; }
endef

# --- set-up: a stamp in .venv says what was installed from which pyproject.toml

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "fgmm needs Python 3.10 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.pip: | $(BIN)/python
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.package: pyproject.toml | $(VENV)/.pip
	@$(TELL_WHAT_COMES)
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.test: pyproject.toml $(wildcard $(PLUGIN)/pyproject.toml) | $(VENV)/.pip
	@$(TELL_WHAT_COMES)
	$(BIN)/python -m pip install --quiet --editable . $(addprefix --editable ./,$(wildcard $(PLUGIN))) --group test
	@touch $@ $(VENV)/.package

# --- what people type

demo: $(VENV)/.package
	$(BIN)/python -m fgmm.demo

# The wheel comes before the tests, so that pytest's summary is the last thing to be read.
test: lint wheel
	$(BIN)/python -m pytest

lint: $(VENV)/.test
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.test
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

docs-test: $(VENV)/.test
	$(BIN)/python -m pytest README.md docs fgmm knowledge fewshot

wheel: $(VENV)/.test
	$(BIN)/python scripts/check_wheel.py

api: $(VENV)/.test
	$(BIN)/python tests/architecture/test_api_surface.py

clean:
	rm -rf $(VENV) build dist demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
