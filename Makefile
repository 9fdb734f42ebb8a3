# Two commands: `make demo` and `make test`. Both make their own virtual environment from the pinned constraints.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export HF_HUB_OFFLINE := 1
export HF_HUB_DISABLE_TELEMETRY := 1

.PHONY: demo test check soak bench clean

demo: $(VENV)/.installed
	$(BIN)/kilopair run datasets/tarnwell.yaml

test: check
	$(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST)

check: $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

soak: $(VENV)/.tested
	KILOPAIR_SOAK=1 $(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST)

bench: $(VENV)/.tested
	$(BIN)/python tests/bench.py

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e .
	touch $@

# aimock is a fake of the OpenAI API that needs Node; without it, its tests are skipped and say so.
$(VENV)/.tested: $(VENV)/.installed tests/package-lock.json
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[test]"
	npm ci --prefix tests --ignore-scripts --no-audit --no-fund --loglevel=error || echo "make: no aimock: its tests will be skipped" >&2
	touch $@

clean:
	rm -rf $(VENV) demo bench.json
