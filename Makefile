# Two commands do everything: `make book` and `make test`.
PYTHON ?= python3
BIN = .venv/bin
ifdef VAECOURSE_DATA
export VAECOURSE_DATA := $(abspath $(VAECOURSE_DATA))
endif

.PHONY: book lab lint test constraints links newest

book: .venv/installed
	$(BIN)/vaecourse book

lab: .venv/installed
	$(BIN)/vaecourse lab

# What can be said without running anything: style, types, arrows, scripts, chapters, spelling.
lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/javascript.py
	$(BIN)/python tests/chapter_rules.py
	$(BIN)/python tests/spelling.py

# Tests run two at a time, each with one thread: threads that wait for a busy core spin.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -n logical --maxprocesses 2 --dist loadfile --cov --cov-fail-under=90
	$(BIN)/vaecourse verify

constraints: .venv/installed
	$(BIN)/uv pip compile -q --upgrade --extra all --universal --no-annotate --no-header --python-version 3.11 pyproject.toml -o .venv/constraints
	(head -n 1 constraints.txt; cat .venv/constraints) > .venv/renewed
	mv .venv/renewed constraints.txt
	$(BIN)/uv pip compile -q --upgrade --extra benchmarks -c constraints.txt --universal --no-annotate --no-header --python-version 3.11 pyproject.toml -o .venv/constraints
	(head -n 1 benchmarks/constraints.txt; cat .venv/constraints) > .venv/renewed
	mv .venv/renewed benchmarks/constraints.txt

# On demand, with a network: do all addresses in the book lead somewhere?
links: .venv/installed
	$(BIN)/jupyter-book build book --builder linkcheck --path-output .venv/links

# On demand: does all of it hold with the newest versions of everything?
newest: .venv/installed
	$(PYTHON) -m venv .venv/newest
	$(BIN)/uv pip install -q --upgrade --python .venv/newest/bin/python -e ".[all]"
	OMP_NUM_THREADS=1 .venv/newest/bin/pytest -n logical --maxprocesses 2 --dist loadfile
	.venv/newest/bin/vaecourse verify

# uv, because it installs in under a minute what takes pip several
.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c "import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))" 2> /dev/null || \
		(echo "error: $(PYTHON) is not Python 3.11 to 3.13 with venv; try: apt-get install python3-venv, or: make PYTHON=python3.12" >&2; exit 1)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -c constraints.txt uv
	$(BIN)/uv pip install -q --python $(BIN)/python -c constraints.txt -e ".[all]"
	touch $@
