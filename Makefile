# Two commands: `make demo` and `make test`. Both make their own virtual environment from the pinned constraints.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PEERS := .venv-peers
FLAGS :=
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

bench: $(VENV)/.tested $(foreach peer,apricot curator datasketch distilabel markitdown semhash splitter submodlib synthetic,$(PEERS)/$(peer)/.installed)
	$(BIN)/python tests/bench.py

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[ui]"
	touch $@

# aimock is a fake of the OpenAI API that needs Node; the review page is tested in an installed Chromium (Debian: apt install chromium).
# Without the one or the other, its tests are skipped and say so.
$(VENV)/.tested: $(VENV)/.installed tests/package-lock.json
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[test]"
	npm ci --prefix tests --ignore-scripts --no-audit --no-fund --loglevel=error || echo "make: no aimock: its tests will be skipped" >&2
	touch $@

# What we are compared with, each in an environment of its own; without one, its row says "not measured".
$(PEERS)/%/.installed: tests/peers/%.txt
	{ $(PYTHON) -m venv $(@D) && $(@D)/bin/python -m pip install -q $(FLAGS) -r $< && touch $@; } || { echo "make: no $*: its row will not be measured" >&2; rm -rf $(@D); }

# Of synthetic-data-kit only the parsers are wanted; the list names what they need, without its servers and torch.
$(PEERS)/synthetic/.installed: FLAGS := --no-deps

clean:
	rm -rf $(VENV) $(PEERS) demo bench.json
