# On a fresh machine with Python and make, each of these does its own set-up:  make demo  ·  make test

PYTHON ?= python3
PORT ?= 8000
ARGS ?=
OPTIMIZE ?=
# One process more than cores, as tests wait for browsers and servers; a file stays in one of them.
AT_ONCE := --numprocesses $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1) --dist loadfile
DATABASES ?= postgresql mariadb

# .ci/run sets these for its second run, with the newest Django on the newest Python.
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
EXTRAS ?= check

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

# Stamps: what is installed stays installed until what says what to install changes.
DEMO := $(VENV)/.installed-demo
DEV := $(VENV)/.installed-$(EXTRAS)
SERVERS := .interop/.installed

# A developer's own .env must not decide whether a gate holds, and no gate needs a database that lasts.
PLAIN := ENV_FILE=/dev/null DATABASE_URL=sqlite://:memory:
TRYING := $(PLAIN) DEBUG=1
# As in production. The key and the credentials are only as good as the checks require.
DEPLOYED := $(PLAIN) DEBUG=0 ALLOWED_HOSTS=www.example.com ORIGIN=https://www.example.com CACHE_URL=rediscache://127.0.0.1:6379/1 \
	SECRET_KEY=KpX0rVn3-Qz7sYt1uWb5cEd9fGh2jLm6oNa4iRk8vTx_BqZyCwDuFsHgJeMlPoAi \
	OAUTH_GITHUB_CLIENT_ID=Ov23liNobodyKnowsThis \
	OAUTH_GITHUB_CLIENT_SECRET=9f8e7d6c5b4a39281706f5e4d3c2b1a098765432

TEMPLATES := find demo_site guestbook oauth_login -path '*/templates/*' -name '*.html'
GATES := check-format check-rules check-types check-imports check-templates check-markup check-migrations check-deploy

.DEFAULT_GOAL := help
.PHONY: help demo test test-databases check $(GATES) format docs browser interop databases messages wheel clean

help: ## print this
	@echo "make <target>, where target is one of"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r target text; do \
		printf '  %-15s %s\n' "$$target" "$$text"; done

demo: $(DEMO) ## run the whole site on this machine (PORT=8000) until Ctrl-C
	@# exec: no shell stands between make and the site, so that whoever ends make ends the site.
	@exec env PYTHONDONTWRITEBYTECODE=1 DEBUG=1 $(BIN)/python manage.py demo --port $(PORT)

test: $(DEV) ## run all tests with coverage, or some without: make test ARGS="-k state" [OPTIMIZE=1 for -O]
	@$(if $(OPTIMIZE),PYTHONOPTIMIZE=$(OPTIMIZE)) $(BIN)/python -m pytest $(if $(strip $(ARGS)),$(ARGS),$(AT_ONCE) --cov)

test-databases: ## run all tests on each of DATABASES ("postgresql mariadb"), each with a Redis, or some with ARGS
	@failed=; for database in $(DATABASES); do \
		echo "--- tests on $$database and redis"; \
		$(PYTHON) scripts/services run $$database redis -- $(MAKE) --no-print-directory test \
			EXTRAS=$(EXTRAS),databases ARGS="$(if $(strip $(ARGS)),$(ARGS),$(AT_ONCE))" || failed="$$failed $$database"; \
	done; [ -z "$$failed" ] || { echo "Failed on:$$failed"; exit 1; }

check: $(DEV) ## run every gate: format, rules, types, imports, templates, migrations, deployment
	@$(MAKE) --no-print-directory --keep-going $(GATES)
	@echo "Every gate holds."

check-format: $(DEV)
	@echo "--- format"
	@$(BIN)/ruff format --check .

check-rules: $(DEV)
	@echo "--- rules"
	@$(BIN)/ruff check .

check-types: $(DEV)
	@echo "--- types"
	@$(BIN)/mypy

check-imports: $(DEV)
	@echo "--- imports"
	@$(BIN)/lint-imports --no-logo

check-templates: $(DEV)
	@echo "--- templates"
	@$(TEMPLATES) | xargs $(BIN)/djade --check --target-version 5.2

check-markup: $(DEV)
	@echo "--- markup"
	@$(TEMPLATES) | xargs $(BIN)/djlint --lint --quiet

check-migrations: $(DEV)
	@echo "--- migrations"
	@$(TRYING) $(BIN)/python manage.py makemigrations --check --dry-run

check-deploy: $(DEV)
	@echo "--- deployment"
	@$(DEPLOYED) $(BIN)/python manage.py check --deploy --fail-level WARNING

format: $(DEV) ## put Python and templates into their form, and correct what can be corrected
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .
	@$(TEMPLATES) | xargs $(BIN)/djade --target-version 5.2

docs: $(DEV) ## write into the documents what the code knows: which test proves which threat
	@$(BIN)/python -m scripts.write_docs

browser: ## install the Chromium that the browser tests drive
	@sh scripts/install-chromium

interop: $(SERVERS) ## install what others wrote: the servers and libraries that the interop tests are about
	@echo "Servers and libraries of others: .interop"

databases: ## install PostgreSQL, MariaDB and Redis, for test-databases and for tests of how they are started
	@$(PYTHON) scripts/services install

messages: $(DEMO) ## collect and compile the translations (needs GNU gettext)
	@for app in guestbook oauth_login; do \
		mkdir -p $$app/locale && cd $$app && \
		../$(BIN)/python -m django makemessages --locale zh_Hans --no-obsolete --add-location file && \
		../$(BIN)/python -m django compilemessages && cd .. || exit 1; done

wheel: $(DEV) ## build the wheel of the reusable app into dist
	@rm -rf build *.egg-info
	@$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist .
	@rm -rf build *.egg-info

clean: ## remove the environment and all that was made, except databases and .env
	@$(PYTHON) scripts/services stop
	@rm -rf .venv .interop .services build dist staticfiles htmlcov *.egg-info .coverage .coverage.* .hypothesis \
		.import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# setuptools comes first and builds without isolation: an isolated build would fetch a second, unconstrained
# one. What it leaves next to the code is a copy of what pip has recorded in the environment.
define install
	@echo "Installing the project ($(1)) into $(VENV): the first time takes a minute."
	@$(PIP) install --quiet --constraint $(CONSTRAINTS) "setuptools>=77"
	@$(PIP) install --constraint $(CONSTRAINTS) --no-build-isolation --editable ".[$(1)]"
	@rm -rf *.egg-info
	@touch $@
endef

$(DEMO): pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	$(call install,demo)

$(DEV): pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	$(call install,$(EXTRAS))

$(SERVERS): scripts/install-interop scripts/interop/package.json scripts/interop/requirements.txt scripts/interop/libraries.txt
	@PYTHON=$(PYTHON) sh scripts/install-interop
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else \
		"Python 3.11 or newer is needed. Name one: make PYTHON=python3.13 ...")'
	@echo "Creating the environment $(VENV)"
	@$(PYTHON) -m venv $(VENV)
