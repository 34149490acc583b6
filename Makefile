# Each target sets up what it needs, from nothing but Python 3.11 or newer. Another one: make run PYTHON=python3.13

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
# The CPU build of PyTorch has an index of its own, which pip asks for every package. Where it cannot be reached, pip's
# five retries for each of them add up to minutes; the first one is made without waiting.
PIP := $(PY) -m pip --disable-pip-version-check --retries 1
# Each process takes whole files, whose tests share what is costly to make. A process that dies is not replaced.
PYTEST := $(PY) -m pytest -n 3 --dist loadfile --no-loadscope-reorder --max-worker-restart 0
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
PAGE_CHECKS := $(VENV)/.page-checks-installed
NPM := PATH="$(CURDIR)/$(VENV)/bin:$$PATH" npm
MODELS := linear-2 linear-3 linear-4 linear-5 fully-connected cyclic

# From torch's own initial weights, as in the paper. The last snapshot is the trained network, so --out is not kept; a
# series need not pass the gate, which the command's status tells.
SERIES := -$(PY) -m hmmrnn train --out .series.safetensors
# What the network by the paper's recipe says of itself.
PAPER_NOTE := Trained by the paper's recipe for 2,500 steps at batch 1,024 (paper: 1,500 at 4,096). It fails the fidelity gate: \
it switches too rarely. It is here for its mechanism: without the recurrent input of three neurons it leaves output 0 no more, as \
published, but runs away; see Formation in Emergence.
NORMAL_NOTE := Trained by the paper's recipe for 2,500 steps at batch 1,024 (paper: 1,500 at 4,096), from h_0 ~ N(0, 1) as in the \
paper. It fails the fidelity gate; without the recurrent input of six neurons both outputs are hardly left any more, and \
activity stays bounded. See Formation in Emergence.
SEED_NOTE := Trained by the paper's recipe with seed 1 for 2,000 steps at batch 1,024 (paper: 1,500 at 4,096). It passes the fidelity \
gate, and without the recurrent input of three neurons neither output is left any more, while activity stays bounded. See \
Formation in Emergence.
TUNED_NOTE := The paper's recipe with seed 1 to step 2,000, then 30 steps that also match pairs of symbols. It passes the fidelity \
gate, and without the recurrent input of three neurons neither output is left any more; at output 0 activity then grows \
without bound.

# Every command starts many processes, which would each compile the package anew where the environment forbids to keep it.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test unit coverage bench audit faults load soak attack models seeds answers lint format docs tutorial screenshots findings views leave-rates live plotly system

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUNTIME) ## Start the dashboard and open it in the browser
	$(PY) -m hmmrnn serve --open

test: $(DEV) system ## Run every test, those in a real browser too
	$(PYTEST)

unit: $(DEV) system ## Run the tests that take two minutes together: none in a browser, none that is slow
	$(PYTEST) -m "not browser and not slow and not faults"

coverage: $(DEV) system ## Run every test, and print which lines of the package none of them reaches
	$(PYTEST) --cov --cov-report=term:skip-covered

bench: $(DEV) system ## Measure how fast it is
	$(PY) -m benchmarks

load: $(DEV) system ## Let fifty viewers use a server at once, with files and with Redis (docs/pages/reliability.md)
	$(PY) -m benchmarks.load --write docs/pages/reliability.md

soak: $(DEV) system ## Watch the memory of a server that ten viewers use for twenty minutes (docs/pages/reliability.md)
	$(PY) -m benchmarks.load --viewers 10 --minutes 20 --stores embedded --soak --write docs/pages/reliability.md

faults: $(DEV) system ## Send bad input, and kill, cut and fill up what runs, many times over (docs/pages/reliability.md)
	@mkdir -p .cache
	HMMRNN_CASES=12000 HMMRNN_ROUNDS=3 HMMRNN_FAULTS=.cache/faults.jsonl $(PY) -m pytest -m "" --timeout 3600 -o faulthandler_timeout=3500 \
	    tests/test_bad_input.py tests/test_damaged_files.py tests/faults tests/browser/test_faults.py

attack: $(DEV) system ## Attack a server on this machine (docs/pages/security.md)
	$(PY) -m benchmarks.attack --write docs/pages/security.md

audit: $(PY) ## Look for known vulnerabilities of the pinned packages
	@test -x $(VENV)/audit/bin/pip-audit || { $(PY) -m venv $(VENV)/audit && \
	    $(VENV)/audit/bin/python -m pip --disable-pip-version-check --quiet install pip-audit==2.10.1; }
	@$(PY) -c 'import re; print(*re.findall(r"^[a-z0-9.-]+==[^ ;]+", open("requirements.txt").read(), re.M), sep="\n")' \
	    > $(VENV)/audit/pins.txt
	$(VENV)/audit/bin/pip-audit --requirement $(VENV)/audit/pins.txt --no-deps --disable-pip

models: $(RUNTIME) ## Train the networks that are shipped, and the series that show how they emerge
	@set -e; for preset in $(MODELS); do \
	    $(PY) -m hmmrnn train --preset $$preset --out models/$$preset.safetensors; \
	done
	$(SERIES) --preset linear-2 --recipe paper --batch 1024 --steps 520 --set normal_start=false \
	    --snapshots models/emergence/linear-2 --at 1:281:20,304:420:5,440::20
	$(SERIES) --preset linear-3 --set orthogonal=false --set cosine=false --set pair_weight=5 --batch 1024 --steps 200 \
	    --snapshots models/emergence/linear-3 --at 1:36:5,38:84:2,88::14
	$(SERIES) --preset fully-connected --set orthogonal=false --set cosine=false --steps 400 \
	    --snapshots models/emergence/fully-connected --at 1:31:3,35:120:5,140::20
	-$(PY) -m hmmrnn train --preset linear-2 --recipe paper --batch 1024 --steps 2500 --set normal_start=false \
	    --snapshots models/emergence/linear-2-paper --at 250::250 --note "$(PAPER_NOTE)" --out models/linear-2-paper.safetensors
	-$(PY) -m hmmrnn train --preset linear-2 --recipe paper --batch 1024 --steps 2500 --set threads=1 \
	    --snapshots models/emergence/linear-2-paper-normal-start --at 250::250 --note "$(NORMAL_NOTE)" \
	    --out models/more/linear-2-paper-normal-start.safetensors
	$(SERIES) --preset linear-2 --recipe paper --batch 1024 --steps 2500 --seed 1 --set normal_start=false --set threads=1 \
	    --snapshots models/emergence/linear-2-paper-seed-1 --at 250::250
	-$(PY) -m hmmrnn train --preset linear-2 --recipe paper --batch 1024 --steps 2000 --seed 1 --set normal_start=false \
	    --set threads=1 --note "$(SEED_NOTE)" --out models/more/linear-2-paper-seed-1.safetensors
	$(PY) -m hmmrnn train --preset linear-2 --recipe paper --start models/emergence/linear-2-paper-seed-1/step-02000.safetensors \
	    --batch 512 --steps 30 --seed 1 --set sequences=0 --set cosine=true --set pair_weight=10 --set learning_rate=0.0001 \
	    --set normal_start=false --set threads=1 --note "$(TUNED_NOTE)" --out models/more/linear-2-tuned.safetensors
	$(PY) -m scripts.answers

seeds: $(RUNTIME) ## Train further networks of each family, which differ in their seed alone, as a sweep
	-$(PY) -m hmmrnn sweep --name seeds --families $(MODELS) --neurons 150 --inputs 100 --seeds 1 2 3 4 --workers 1
	$(PY) -m scripts.seeds

answers: $(RUNTIME) ## Compute the slow answers that are shipped with the networks, where they are missing
	$(PY) -m scripts.answers

lint: $(DEV) $(PAGE_CHECKS) ## Check style, types, imports, the page's scripts and the Dockerfile
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports --no-cache
	$(VENV)/bin/hadolint Dockerfile
	cd scripts/page && $(NPM) run --silent check

format: $(DEV) ## Put all code into the common format
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

docs: $(DEV) ## Build the documentation into docs/site
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet --config-file docs/mkdocs.yml
	@echo "docs/site/index.html is written. Its search needs a server: $(PY) -m http.server --directory docs/site"

tutorial: $(DEV) system ## Run the tutorial's cells, make its notebook, and draw its figures anew
	$(PY) -m scripts.tutorial
	$(PY) -m scripts.tutorial_figures

screenshots: $(DEV) system ## Take the pictures of the README anew, and every page at three sizes in both colours (.cache/pages)
	$(PY) -m scripts.screenshots
	$(PY) -m scripts.page_pictures

findings: $(DEV) ## Judge the paper's claims on every shipped network anew (docs/pages/findings.md)
	$(PY) -m scripts.findings

views: $(DEV) ## Look at every shipped network through every lens anew (docs/pages/eleven-views.md)
	$(PY) -m scripts.eleven_views

leave-rates: $(DEV) ## Write the tables of docs/pages/leave-rates.md; trains five chains of two states in .cache/chains
	$(PY) -m scripts.leave_rates --family .cache/chains --circuits

live: $(RUNTIME) ## Write the page in docs/ that runs a shipped network by itself
	$(PY) -m hmmrnn live models/linear-2.safetensors --out docs/pages/live.html

plotly: $(RUNTIME) ## Fetch the part of plotly.js that a report carries, as new as the installed plotly (needs npm)
	@set -e; folder="$$(mktemp -d)"; trap 'rm -r "$$folder"' EXIT; \
	version="$$($(PY) -c 'from plotly.offline import get_plotlyjs_version as version; print(version())')"; \
	(cd "$$folder" && npm pack --silent "plotly.js-cartesian-dist-min@$$version" && tar -xzf *.tgz); \
	gzip -9nc "$$folder/package/plotly-cartesian.min.js" > hmmrnn/report/templates/plotly-cartesian.min.js.gz

$(PY):
	@command -v $(PYTHON) >/dev/null || { \
	    echo "Python 3.11 or newer is needed, and there is no $(PYTHON) here: install it, or name another: make run PYTHON=..." >&2; \
	    exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Python 3.11 or newer is needed, and $(PYTHON) is $$($(PYTHON) -V 2>&1): install a newer one, or name it: make run PYTHON=python3.13" >&2; \
	    exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "Python's venv module is missing here: install it (Debian and Ubuntu: apt-get install python3-venv), then run make again." >&2; \
	    exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): requirements.txt | $(PY)
	$(PIP) install --requirement requirements.txt
	@touch $@

# Node is a wheel among the requirements of the checks; its programs are found beside Python's.
$(PAGE_CHECKS): scripts/page/package-lock.json $(DEV)
	cd scripts/page && $(NPM) ci --no-audit --no-fund --silent
	@touch $@

$(DEV): requirements-dev.txt requirements.txt | $(PY)
	$(PIP) install --requirement requirements-dev.txt
	@touch $(RUNTIME) $@

# Chromium and Redis, which the tests use for real.
system:
	@missing=""; \
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	    || missing="chromium fonts-dejavu-core"; \
	command -v redis-server >/dev/null || command -v valkey-server >/dev/null || missing="$$missing redis-server"; \
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" = 0 ]; then as_root=""; else as_root="$$(command -v sudo)" || as_root=none; fi; \
	if command -v apt-get >/dev/null && [ "$$as_root" != none ] \
	    && $$as_root apt-get update -q \
	    && $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$missing; \
	then exit 0; fi; \
	echo "The tests need these programs, which could not be installed from here: $$missing. Install them, then run make again." >&2; \
	exit 1
