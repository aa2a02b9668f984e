# Each target starts from nothing: it makes .venv, with uv where it is there, else with pip.
# PYTHON=python3.13 make test   uses another Python (3.11 to 3.13).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UV := $(shell command -v uv 2>/dev/null)
WORKERS ?= 2

.PHONY: install demo lint test bench soak clean

install: $(STAMP)

# A simulated company in ./demo, accounted and shown on http://127.0.0.1:8501; ARGS="--no-app --dir x" are its options.
demo: $(STAMP)
	$(BIN)/chipledger demo $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest -n $(WORKERS) --cov --cov-report=term-missing:skip-covered

bench: $(STAMP)
	$(BIN)/python -m benchmarks

soak: $(STAMP)
	@mkdir -p benchmarks/results
	$(BIN)/python -m pytest -m soak --junit-xml=benchmarks/results/soak.xml

clean:
	rm -rf $(VENV) build dist .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13; name one: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
ifneq ($(UV),)
	$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
else
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
endif
	@touch $@
