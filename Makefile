# The whole developer interface. `make` alone lists it.

PYTHON := .venv/bin/python

.PHONY: help run test check bench clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 14

# As they were typed: make must not expand them, nor the shell read them.
unexport ASK FILES
export HUGGINGGPT_ASK := $(value ASK)
export HUGGINGGPT_FILES := $(value FILES)

run: .venv/installed ## start the service and send a request: make run [ASK="…" FILES="a.png b.wav"] [PORT=8001]
	@exec $(PYTHON) -m cluster.local $(if $(PORT),--port "$(PORT)")

test: .venv/installed ## the whole test suite
	@exec $(PYTHON) -m pytest

check: .venv/installed ## lint, types, config and the tests that need no cluster and no model, in seconds
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@$(PYTHON) -m cluster.config serve_config.yaml
	@$(PYTHON) -m pytest -q -m "not ray and not model and not gpu"

bench: .venv/installed ## measure scheduling overhead and throughput
	@$(PYTHON) -m cluster.bench

clean: ## remove the environment, caches and produced files
	rm -rf .venv out .mypy_cache .pytest_cache .ruff_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/installed: requirements.lock pyproject.toml cluster/install.sh
	@exec bash cluster/install.sh
