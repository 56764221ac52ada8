# make help lists what there is. Everything runs in .venv, made on first use; PYTHON=python3.12 picks another Python.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CLASSROOM ?= build/demo-classroom

.DEFAULT_GOAL := help
.PHONY: help demo test lab notebooks gate site bench cifar gpu-bench clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/grading  ## build a release, grade a small class, show the report
	$(BIN)/autograder build
	$(BIN)/autograder simulate backprop --classroom $(CLASSROOM)
	$(BIN)/autograder grade backprop --classroom $(CLASSROOM)
	$(BIN)/autograder report backprop --classroom $(CLASSROOM)

test: $(VENV)/dev  ## style, types, tests, release gates (one mutant in six)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist worksteal

lab: $(VENV)/grading  ## JupyterLab on the lectures (course/) and the assignments
	$(BIN)/jupyter lab

notebooks: $(VENV)/grading  ## build course/*.ipynb and assignments/*/*.ipynb from their sources
	$(BIN)/autograder build

gate: $(VENV)/grading  ## may the assignments be released? every mutant tried
	$(BIN)/autograder gate

site: $(VENV)/site  ## the course site in build/site, slides included
	$(BIN)/sphinx-build -W --keep-going -j 2 -b html course build/site
	@echo "Open build/site/index.html. A lecture as slides: the link under its title."

bench: $(VENV)/dev  ## what we claim about speed, against stock nbgrader
	$(BIN)/python benchmarks/grade.py

cifar: $(VENV)/grading  ## a small network on CIFAR-10 on the CPU: 75 % in six minutes (DATA=folder of a copy)
	$(BIN)/python benchmarks/cifar_cpu.py $(if $(DATA),--data $(DATA))

gpu-bench:  ## what we claim about a GPU, nine minutes at a time; PART=94, 96, augment, cutout or tables (DATA=folder)
	PYTHONPATH=. $(firstword $(wildcard $(BIN)/python) $(PYTHON)) benchmarks/gpu.py $(PART) $(if $(DATA),--data $(DATA))

clean:  ## remove what was built here, not the classrooms
	rm -rf build $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Descent needs Python 3.11 or newer; found $$($(PYTHON) --version). Try: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/grading: pyproject.toml $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --progress-bar on -e '.[grading]'
	@touch $@

$(VENV)/dev: pyproject.toml $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --progress-bar on -e '.[dev,site]'
	@touch $@ $(VENV)/grading $(VENV)/site

$(VENV)/site: pyproject.toml $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --progress-bar on -e '.[grading,site]'
	@touch $@
