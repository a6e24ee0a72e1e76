# Every target sets up what it needs; `make help` lists them.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-kill test-spark test-spark-cluster test-browser lint bench bench-scale bench-second bench-attacker bench-peers bench-watermark clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk 'BEGIN {FS = ":.*## "} {printf "  make %-18s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(STAMP) ## simulate a small mixed world, scan it, print the campaigns
	@$(BIN)/hydrascope demo --out demo

test: $(STAMP) ## the default test suite (under ten minutes on two cores)
	$(BIN)/pytest -m 'not slow and not spark and not browser' -n 2 --dist loadfile

test-slow: $(STAMP) ## the tests behind the `slow` marker
	$(BIN)/pytest -m slow

test-kill: $(STAMP) ## writers and receivers killed a hundred times each: nothing lost, nothing doubled
	$(BIN)/pytest -m slow tests/watch

.venv-spark/.installed: pyproject.toml constraints.txt
	@test -x .venv-spark/bin/python || $(PYTHON) -m venv .venv-spark
	@.venv-spark/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,sail]'
	@touch $@

test-spark: .venv-spark/.installed ## DuckDB and Spark SQL (on Sail) give the same findings
	.venv-spark/bin/pytest -m spark tests/engine

.venv-spark-cluster/.installed: pyproject.toml constraints.txt
	@java -version 2>/dev/null || { apt-get update -qq && apt-get install --yes --no-install-recommends openjdk-17-jre-headless; } || { echo 'Apache Spark needs a Java runtime, 17 or 21: install one and run this again' >&2; exit 2; }
	@test -x .venv-spark-cluster/bin/python || $(PYTHON) -m venv .venv-spark-cluster
	@.venv-spark-cluster/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,spark]'
	@touch $@

test-spark-cluster: .venv-spark-cluster/.installed ## nightly: Apache Spark itself, as a local cluster and behind a Spark Connect server (installs a JRE where there is none)
	HYDRASCOPE_SPARK='local-cluster[2,1,1024]' .venv-spark-cluster/bin/pytest -m spark tests/engine
	HYDRASCOPE_SPARK_SERVE='local-cluster[2,1,1024]' .venv-spark-cluster/bin/pytest -m spark tests/engine

test-browser: $(STAMP) ## look at the report in Debian's chromium
	$(BIN)/pytest -m browser

lint: $(STAMP) ## ruff, strict types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP) ## a million exchanges timed, then the leaderboard on the judging worlds (ARGS=--quick: minutes)
	$(BIN)/python benchmarks/scan_speed.py --exchanges 1M
	$(BIN)/python benchmarks/leaderboard.py bench-out $(ARGS)

bench-second: $(STAMP) ## the scan judged on worlds of the second, independent generator (ARGS="--seeds 11 12 13 -v")
	$(BIN)/python benchmarks/second_worlds.py bench-second-out $(ARGS)

bench-scale: $(STAMP) ## the true-scale world timed: 16 M exchanges of campaigns within as many honest ones (simulated once: 2 GB; 7 GB more while it scans)
	$(BIN)/python benchmarks/scan_speed.py --exchanges 30M --text-bytes 0 --memory 4GB --world bench-scale-world

bench-attacker: $(STAMP) ## the cheapest way past the scan, and past it with a channel off (ARGS=--quick: minutes)
	$(BIN)/python benchmarks/attacker.py bench-attacker-out $(ARGS)

.venv-peers/.installed: pyproject.toml constraints.txt
	@test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[peers]'
	@touch $@

bench-peers: .venv-peers/.installed ## our kernels beside rensa, datasketch, Splink, SQL, networkx, scipy, rustworkx, Polars, Daft (ARGS="--scale 0.1": quick)
	.venv-peers/bin/python benchmarks/peers_speed.py $(ARGS)

bench-watermark: $(STAMP) ## what marks and twins can show, on small students (half an hour; ARGS=--quick: minutes)
	$(BIN)/python benchmarks/watermark_power.py $(ARGS)

clean: ## remove what was built, keep the virtual environment
	rm -rf demo build dist bench-out bench-second-out bench-attacker-out .pytest_cache .mypy_cache .ruff_cache
