# Needs Python >= 3.10, a C++20 compiler (GCC or Clang) and make; CMake and Ninja come from PyPI.
#
#   make dev       an environment to work in: Python edits count at once, C++ edits after `make dev` again
#   make demo      build, install, train on real data and write reports
#   make test      build, install, run the tests
#   make lint      ruff, pyright, clang-format, import order
#   make format    sort imports, apply safe fixes, lay out the C++
#   make bench     measure against the peers (installs them)
#   make sanitize  native tests under ASan+UBSan, TSan, and with 64-byte vectors on any machine
#   make arm       native tests for 64-bit ARM, cross-compiled, on an emulated machine
#   make experiments   docs/experiments: pages, pictures and numbers, by running all experiments
#   make docs      API pages in build/docs
#   make clean     remove everything that was built, .venv included

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
ARGS ?=
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)

BUILD_FILES := pyproject.toml CMakeLists.txt README.md LICENSE $(shell find native -type f)
SOURCES := $(BUILD_FILES) $(if $(wildcard $(VENV)/.editable),,$(shell find src -type f -not -name '*.pyc'))

CPP = $(shell find native tests/native -name '*.cpp' -o -name '*.hpp')

.PHONY: dev demo test lint format bench sanitize arm experiments docs clean
.DELETE_ON_ERROR:

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	    || { echo "descend needs Python 3.10 or newer: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

# After `make dev` the package stays editable; otherwise it is built in isolation, as a user's `pip install` does.
$(VENV)/.installed: $(VENV)/.created $(SOURCES)
	@echo "building descend (the engine once per instruction set: a minute or two)"
	@if [ -e $(VENV)/.editable ]; then $(MAKE) --no-print-directory dev; else $(PIP) install --quiet .; fi
	@touch $@

# An extra's packages: descend itself is installed already and is not fetched.
$(VENV)/.extra-%: $(VENV)/.installed pyproject.toml
	$(PIP) install --quiet 'descend[$*]'
	@touch $@

dev: $(VENV)/.created
	$(PIP) install --quiet 'scikit-build-core>=0.10' 'nanobind>=2.4' 'cmake>=3.20' ninja
	PATH="$(CURDIR)/$(BIN):$$PATH" $(PIP) install --quiet --no-build-isolation --config-settings=build-dir=build/dev -e '.[test,lint]'
	@touch $(VENV)/.editable $(VENV)/.installed $(VENV)/.extra-test $(VENV)/.extra-lint

demo: $(VENV)/.installed
	$(BIN)/descend demo $(ARGS)

test: $(VENV)/.extra-test
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.extra-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/clang-format --dry-run --Werror $(CPP)
	$(BIN)/lint-imports

format: $(VENV)/.extra-lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CPP)

# A machine that forces NumPy's OpenBLAS to an old kernel would slow scikit-learn unfairly.
bench: $(VENV)/.extra-bench
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python benchmarks/run.py $(ARGS)

sanitize: $(VENV)/.created
	$(PIP) install --quiet 'cmake>=3.20' ninja
	@for kind in address,undefined thread wide; do \
	    echo "native tests: $$kind"; \
	    case $$kind in wide) flags=-DDESCEND_TEST_VECTOR_BYTES=64;; *) flags=-DDESCEND_SANITIZE=$$kind;; esac; \
	    $(BIN)/cmake -S . -B build/sanitize-$$kind -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja \
	        -DCMAKE_BUILD_TYPE=RelWithDebInfo -DDESCEND_PYTHON_MODULES=OFF -DDESCEND_NATIVE_TESTS=ON \
	        -DDESCEND_WERROR=ON $$flags >/dev/null \
	    && $(BIN)/cmake --build build/sanitize-$$kind \
	    && build/sanitize-$$kind/native_tests || exit 1; \
	done

# Another compiler's code on another instruction set must train to the same bits: the tests know what they are.
arm: $(VENV)/.created
	@command -v aarch64-linux-gnu-g++ >/dev/null && command -v qemu-aarch64-static >/dev/null \
	    || { echo "make arm needs the Debian packages g++-aarch64-linux-gnu and qemu-user-static" >&2; exit 1; }
	$(PIP) install --quiet 'cmake>=3.20' ninja
	$(BIN)/cmake -S . -B build/arm -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja \
	    -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ \
	    -DDESCEND_TEST_MARCH=armv8-a -DDESCEND_PYTHON_MODULES=OFF -DDESCEND_NATIVE_TESTS=ON -DDESCEND_WERROR=ON >/dev/null
	$(BIN)/cmake --build build/arm
	qemu-aarch64-static -L /usr/aarch64-linux-gnu build/arm/native_tests

experiments: $(VENV)/.installed
	PYTHONPATH=docs/experiments $(BIN)/python -m generator $(ARGS)

docs: $(VENV)/.extra-docs
	$(BIN)/pdoc --docformat numpy --output-directory build/docs descend '!descend.cli'

clean:
	rm -rf $(VENV) build dist .pytest_cache .hypothesis .ruff_cache .import_linter_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
