# mendd's commands. `make demo` and `make test` are all a newcomer needs.
.DEFAULT_GOAL := help
MENDD := .venv/bin/mendd
.PHONY: help demo test check soak venv engine tools bench lock sbom audit-deps wheel clean

help:  ## show this
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## */\t/' | expand -t 12

demo: venv engine  ## watch the real service mend the example module
	$(MENDD) demo

test: venv engine tools  ## every test, real Docker included
	CI=$${CI:-true} .venv/bin/python -m pytest $(ARGS)

check: venv  ## format, lint and types
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

soak: venv engine  ## the longer reliability checks, seedable, as a table (ARGS="trail --seed 1")
	@scripts/tools.sh --soak
	.venv/bin/python -m tests.soak $(ARGS)

bench: venv engine  ## ratios against bare docker runs, as docs/performance.md shows them
	.venv/bin/python benchmarks/trial.py
	.venv/bin/python benchmarks/road.py
	.venv/bin/python benchmarks/idle.py
	.venv/bin/python benchmarks/trail.py

venv:  ## the virtual environment, from hash-locked requirements
	@scripts/venv.sh

engine: venv  ## a Docker engine that answers
	@scripts/engine.sh

tools:  ## the programs that the tests call beside Docker (jq, systemd-analyze)
	@scripts/tools.sh

lock: venv  ## renew requirements.lock from pyproject.toml (hashes, no index addresses)
	.venv/bin/python -m pip --quiet install uv
	.venv/bin/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-header --upgrade -q -o requirements.lock

sbom: venv  ## what mendd is made of: dist/mendd.cdx.json (CycloneDX)
	.venv/bin/python -m scripts.sbom dist/mendd.cdx.json

audit-deps: venv  ## are locked packages known to be vulnerable? (OSV; DATA=all.zip without a network)
	@.venv/bin/python -m scripts.audit_deps $(if $(DATA),--data $(DATA))

wheel: venv  ## the wheel of HEAD in dist/, built twice and compared
	@scripts/wheel.sh

clean:  ## remove what the commands above made here
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
