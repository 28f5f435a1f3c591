# make demo      the four-user network for 60 s of light, from nothing but Python, make and git
# make test      lint, types, tests (without the slow statistics)
# make test-all  the same with the slow statistics
# make docs      the pages in docs/, into build/docs; a warning is a failure
# make dist      the wheel, into dist
# make bench     every hot path beside its goal and the limit kernel; build/bench.json, build/scaling.svg
# make mutants   breaks one expression at a time and lists what no test notices: hours, resumable
# make clean     remove all that make made

.DEFAULT_GOAL := demo
.PHONY: demo test test-all ready warm lint collect docs dist bench mutants clean

VENV := .venv
BIN := $(VENV)/bin
CANDIDATES := python3.14 python3.13 python3.12 python3.11 python3

# Byte code is kept, whatever the environment says: processes that tests start by the hundred would
# each compile the sources anew.
unexport PYTHONDONTWRITEBYTECODE

SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))
COMPLETE := import venv, ensurepip
# The first interpreter that runs, is of a supported version and can make environments.
FIND_PYTHON = for python in $(CANDIDATES); do \
	$$python -c '$(SUPPORTED)' >/dev/null 2>&1 || continue; \
	found=$$python; \
	if $$python -c '$(COMPLETE)' >/dev/null 2>&1; then break; fi; \
	incomplete=$$python; found=; \
	done; \
	if [ -z "$$found" ] && [ -n "$$incomplete" ]; then \
	echo "$$incomplete cannot make virtual environments: install its venv package, e.g. apt install $${incomplete}-venv" >&2; exit 1; \
	elif [ -z "$$found" ]; then \
	echo "no Python 3.11 to 3.14 found: install one, e.g. apt install python3 python3-venv" >&2; exit 1; \
	fi

# Compiled kernels go stale when a kernel in another module changes, so each state of the sources
# has a cache folder of its own; the folders of earlier states are removed.
HASH_SOURCES := import hashlib, pathlib; \
	files = sorted(path for top in ("netsim", "protocols") for path in pathlib.Path(top).rglob("*.py")); \
	print(hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16])
WITH_CACHE = mkdir -p .cache && cache=.cache/numba-$$($(BIN)/python -c '$(HASH_SOURCES)') && \
	for old in .cache/numba-*; do [ "$$old" = "$$cache" ] || rm -rf "$$old"; done && \
	NUMBA_CACHE_DIR="$$PWD/$$cache"

demo: $(VENV)/installed
	$(WITH_CACHE) $(BIN)/netsim run fan2025_four_user --duration 60s --seed 1

test: ready
	$(WITH_CACHE) $(BIN)/python -m pytest -q -n auto --dist loadfile -m "not slow"

test-all: ready
	$(WITH_CACHE) $(BIN)/python -m pytest -q -n auto --dist worksteal

# Kernels are compiled once, and modules of tests by pytest, beside the checks of the text, and not
# by each worker of the tests, which say what is wrong with a module.
ready: $(VENV)/installed-dev
	@$(MAKE) --no-print-directory -j 2 collect warm

collect: lint
	@$(WITH_CACHE) $(BIN)/python -m pytest -q --collect-only >/dev/null || true

warm: $(VENV)/installed-dev
	$(WITH_CACHE) $(BIN)/netsim warmup

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/installed-dev
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/docs

dist: $(BIN)/python
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

mutants: $(VENV)/installed-dev
	nice $(BIN)/python scripts/mutants.py

bench: $(VENV)/installed
	@$(WITH_CACHE) $(BIN)/python benchmarks/run_all.py

$(BIN)/python:
	@$(FIND_PYTHON); echo "making $(VENV) with $$($$found --version)"; \
	$$found -m venv --clear $(VENV) || { rm -rf $(VENV); \
	echo "$$found cannot make virtual environments: install its venv package, e.g. apt install python3-venv" >&2; exit 1; }

$(VENV)/installed: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/installed-dev: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) .cache build dist docs/made *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find netsim protocols examples tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
