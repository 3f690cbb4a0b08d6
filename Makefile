# segstudio. `make run` and `make test` set everything up by themselves; a second call starts at once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Two processes, each with half of the files in their order, so that what a file's tests share is
# made once; the one that is done first takes over from the other.
TEST := QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -n 2 --dist worksteal

# Where Python may not keep what it compiled, every start compiles all of it again: each of the
# two test processes, and each program that a test starts.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test test-slow lint format bench soak screenshots lock clean

help:
	@echo "make run          open segstudio on the embedded samples"
	@echo "make test         run the tests"
	@echo "make test-slow    run the slow tests: more networks, more kills, more of each kind"
	@echo "make lint         ruff, mypy and which room imports which"
	@echo "make bench        print the measured ratios with their targets"
	@echo "make soak         kill the program again and again and look what is lost (an hour)"
	@echo "make screenshots  make the picture of the README again"
	@echo "make lock         pin the newest versions in requirements.lock"

run: $(READY)
	@$(BIN)/python main.py --samples

test: $(READY)
	@$(TEST)

test-slow: $(READY)
	@$(TEST) -m slow --timeout 900

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/test_architecture.py

format: $(READY)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(READY)
	@QT_QPA_PLATFORM=offscreen $(BIN)/python -m bench

soak: $(READY)
	@$(BIN)/python tests/soak

screenshots: $(READY)
	@QT_QPA_PLATFORM=offscreen $(BIN)/python main.py --samples --screenshot docs/segstudio.png

lock: $(READY)
	@$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 --no-emit-index-url \
		--no-annotate --no-header --all-extras --group dev pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(READY): requirements.lock pyproject.toml .ci/setup
	@bash .ci/setup "$(PYTHON)" "$(VENV)"
	@touch $@
