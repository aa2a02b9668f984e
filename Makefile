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

# The example company of docs/examples in ./demo, or in ./demo-2, … where that exists: nothing is ever removed.
demo: $(STAMP)
	@folder=demo; n=2; while [ -e "$$folder" ]; do folder=demo-$$n; n=$$((n + 1)); done; \
	  set -e; chipledger=$(BIN)/chipledger; examples=docs/examples; \
	  $$chipledger init "$$folder"; \
	  for kind in capacity prices teams jobs samples; do \
	    $$chipledger --config "$$folder" import $$kind $$examples/$$kind.csv --mapping $$examples/$$kind.toml; \
	  done; \
	  $$chipledger --config "$$folder" run; \
	  echo; $$chipledger --config "$$folder" query "SELECT team, charge_kind, ROUND(SUM(device_seconds) / 3600, 1) AS hours, \
	    ROUND(SUM(cost), 2) AS cost FROM charges GROUP BY team, charge_kind ORDER BY team, charge_kind"; \
	  echo "the project is in ./$$folder; ask it: cd $$folder && ../$(BIN)/chipledger query \"SELECT * FROM usage LIMIT 10\""

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
