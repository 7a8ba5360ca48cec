# `make` lists the targets. Every target prepares what it needs; nothing outside this folder is changed.
SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
READY := $(VENV)/.ready
NODE_READY := node_modules/.package-lock.json
JOB := $(PY) -m xgboost_pipeline

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(READY) $(NODE_READY) ## install everything into .venv, from hashed pins

# pip, not another installer: it is the one that honours the user's own index settings.
# setuptools and wheel come first because pyspark is a source package and is built without leaving the lock.
$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info; (3, 11) <= v < (3, 14) or sys.exit("error: Python %d.%d (%s) is not supported; Spark 3.5.6 and the pinned wheels need 3.11, 3.12 or 3.13: run `make PYTHON=python3.12 ...`" % (v[0], v[1], sys.executable))'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo 'error: this Python has no venv module; on Debian and Ubuntu run `apt install python3-venv`, then again'; exit 1; }
	@echo 'setup: installing the pinned packages into $(VENV) (once; a few minutes)'
	@rm -rf $(VENV) && $(PYTHON) -m venv $(VENV)
	@awk '/^[a-z]/ { keep = /^(setuptools|wheel)==/ } keep' requirements.lock > $(VENV)/build.lock
	@$(PY) -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $(VENV)/build.lock
	@$(PY) -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation --require-hashes -r requirements.lock
	@$(PY) -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(PY) -c 'import xgboost' 2>/dev/null || { echo 'error: XGBoost finds no OpenMP library; on macOS run `brew install libomp`, then again'; exit 1; }
	@$(PY) -m compileall -q $(VENV)/lib >/dev/null 2>&1 || true
	@$(PY) -m xgboost_pipeline.class_archive
	@touch $@

$(NODE_READY): package.json package-lock.json $(READY)
	@$(BIN)/npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

LOANS := $(JOB) generate --rows 600000 --output build/demo/input --truth build/demo/truth --overwrite
SCORES := $(JOB) score --input build/demo/input --model build/demo/result/model --output build/demo/scores --overwrite
REPORT := echo && echo 'The report: build/demo/result/report/report.html (open it in a browser). The scored loans: build/demo/scores.'

.PHONY: demo
demo: $(READY) $(NODE_READY) kubebox ## everything, without AWS: the real cdk CLI deploys the app, the job runs on synthetic loans, its report and scores, destroy
	$(LOANS)
	@rm -rf build/demo/result
	@$(PY) -m rehearsal demo --directory build/demo/rehearsal --data build/demo/input --result build/demo/result
	$(SCORES)
	@$(REPORT)

.PHONY: pipeline
pipeline: $(READY) ## the loan pipeline alone, on local Spark: synthetic loans, model, report and scores
	$(LOANS)
	$(JOB) run --input build/demo/input --output build/demo/result --overwrite
	$(SCORES)
	@$(REPORT)

# More than processors: tests that deploy wait half of their time
WORKERS ?= 3
.PHONY: test
test: check $(NODE_READY) kubebox prometheus ## everything: lint, types, layers, and all tests; WORKERS=6 at a time on a larger machine
	@rm -f build/gpu-plan.skipped
	@$(PY) -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
	@if [ -f build/gpu-plan.skipped ]; then cat build/gpu-plan.skipped; fi

.PHONY: kubebox
kubebox: $(READY) ## build the rehearsal's Kubernetes, once (10 minutes; KUBEBOX=/path names a ready one)
	@$(PY) -m rehearsal.kubernetes.build

.PHONY: prometheus
prometheus: $(READY) ## build the Prometheus that the tests of metrics use, once (5 minutes; PROMETHEUS=/folder names a ready one)
	@$(PY) -m rehearsal.prometheus.build

.PHONY: rehearse
rehearse: $(READY) $(NODE_READY) kubebox ## deploy and destroy the app twice with the real cdk CLI, without AWS
	@$(PY) -m rehearsal run --app . --stacks '!(Pipeline)'

.PHONY: faults
faults: $(READY) $(NODE_READY) kubebox ## fail each resource of network, cluster and teams once, and kill a run's functions at each call, without AWS (1 hour)
	@printf '%s\n' 1/3 2/3 3/3 | xargs -P 3 -I {} env EVERY_RESOURCE={} $(PY) -m pytest -s tests/stacks/test_faults.py
	@EVERY_RESOURCE=1/1 $(PY) -m pytest tests/stacks/test_examples.py tests/constructs/rapids_eks/spark_job_run/test_rehearsal_killed.py

CDK := PATH="$(CURDIR)/$(BIN):$$PATH" node_modules/.bin/cdk
CONFIG ?= blueprint.yaml
# before money is spent; `make deploy PREFLIGHT=` leaves it out
PREFLIGHT ?= $(PY) -m operations preflight --config $(CONFIG)
.PHONY: synth
synth: $(READY) $(NODE_READY) ## write the templates of blueprint.yaml, or of CONFIG=FILE, to cdk.out; needs no AWS
	@$(CDK) synth --quiet -c config=$(CONFIG)

.PHONY: deploy
deploy: $(READY) $(NODE_READY) ## deploy every stack but the job's run into your AWS account
	@$(PREFLIGHT)
	@$(CDK) deploy '!(Pipeline)' -c config=$(CONFIG)

.PHONY: run
run: $(READY) $(NODE_READY) ## run the pipeline in your AWS account, on the data that the team has uploaded
	@$(PREFLIGHT)
	@$(CDK) deploy Pipeline -c config=$(CONFIG)

.PHONY: preflight
preflight: $(READY) ## list what would stop a deployment or a run in your AWS account, and what both cost; changes nothing
	@$(PY) -m operations preflight --config $(CONFIG)

.PHONY: destroy
destroy: $(READY) $(NODE_READY) ## delete every stack from your AWS account, once no run is in the way
	@$(if $(PREFLIGHT),$(PREFLIGHT) --destroy)
	@$(CDK) destroy --all -c config=$(CONFIG)

.PHONY: schema
schema: $(READY) ## write the JSON Schema of a blueprint after a change of config/
	@$(PY) -m config > blueprint.schema.json

.PHONY: gpu-plan
gpu-plan: $(READY) ## show, without a GPU, that every Spark operator can run on one
	@$(PY) benchmarks/gpu_plan.py

ROWS ?= 5000000
RUNS ?= 3
.PHONY: bench
bench: $(READY) $(NODE_READY) ## compare with what is replaced: pipeline, exporter of GPU metrics; synth, and the rehearsal beside its goals; ROWS=500000 RUNS=1 for a short run
	@$(PY) benchmarks/bench.py --rows $(ROWS) --runs $(RUNS)
	@$(PY) benchmarks/synth.py --runs $(RUNS)
	@$(PY) benchmarks/cloudwatch.py
	@$(PY) benchmarks/stand_in.py

.PHONY: check
check: $(READY) ## lint, types and layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

.PHONY: format
format: $(READY) ## rewrite the code in its standard form
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

.PHONY: hooks
hooks: $(READY) ## check every commit before it is made
	@$(BIN)/pre-commit install

.PHONY: lock
lock: $(READY) ## pin and hash what pyproject.toml asks for
	@$(BIN)/uv pip compile pyproject.toml --group job --group infra --group rehearsal --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o requirements.lock

.PHONY: image-lock
image-lock: $(READY) ## pin and hash what the images install
	@$(PY) docker/lock.py

.PHONY: image-check
image-check: $(READY) ## resolve these pins for the images' bases, by the metadata of their wheels; needs the network
	@$(PY) docker/lock.py --check

.PHONY: clean
clean: ## remove what the targets made
	@rm -rf .venv .cache build node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
