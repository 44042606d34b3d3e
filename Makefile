# Two commands do everything: `make demo` and `make test`. Neither needs root or a service.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: readme demo test bench lint serve torture test-adapters verifier clean

# The stamps keep a second run off the network.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info < (3, 11) and sys.exit("Python 3.11 or newer is needed; name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable '.[server]'
	touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/.core

demo: $(VENV)/.core
	$(BIN)/yett demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto tests

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy gateway/yett audit/yett_audit
	$(BIN)/lint-imports

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench

torture: $(VENV)/.dev
	YETT_LONG=1 $(BIN)/python -m pytest -n auto --timeout 7200 tests
	YETT_LONG=2 $(BIN)/python -m pytest --timeout 7200 tests/ledger/test_torture.py

serve: $(VENV)/.core
	$(BIN)/yett serve --policy policies/baseline.yaml

test-adapters: $(VENV)/.dev
	$(BIN)/python tests/adapters/run.py

verifier: $(VENV)/.core
	$(BIN)/python audit/build_single_file.py build/yett-verify.py

readme: $(VENV)/.core
	$(BIN)/python docs/refresh.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .hypothesis .import_linter_cache
