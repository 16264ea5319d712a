# make run       the whole story in minutes: render, train, count errors, draw
# make test      the tests; make test-all: the slow ones too; make lint: style
# make figures   every figure that the runs at hand allow; make report: all results on one page
# make tables    the tables of README.md and other pages anew from results/*.csv
# make lock      the requirements with every version pinned; make lock UPGRADE=--upgrade: the newest
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

# the project's record is drawn anew with FIGURES=figures
FIGURES ?= output/figures

.PHONY: run test test-all lint figures report tables lock
.DEFAULT_GOAL := run

.venv/ready: requirements.txt
	@echo "setting up .venv (about two minutes)"
	@$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and 'Python 3.11 to 3.13 is needed, this is ' + sys.version)"
	$(PYTHON) -m venv .venv
	$(PIP) --require-hashes -r requirements.txt
	@touch $@

.venv/ready-for-tests: .venv/ready requirements-dev.txt requirements-optional.txt
	$(PIP) --require-hashes -r requirements.txt -r requirements-dev.txt -r requirements-optional.txt
	@touch $@

run: .venv/ready
	@echo "== 1 of 4: render both published datasets into datasets/"
	$(BIN)/python spectra_from_config.py --config challenge
	$(BIN)/python spectra_from_config.py --config benchmark
	@echo "== 2 of 4: train on the challenge, into runs/challenge/"
	$(BIN)/python train.py --config challenge --models cnn2 --hidden-activations linear relu --seeds 0
	$(BIN)/python train.py --config challenge --models blurred_areas --online --ema-momentum 0.995 \
		--learning-rate 0.001 --seeds 0
	@echo "== 3 of 4: count errors into output/results/, draw into output/figures/"
	$(BIN)/python evaluate.py --config challenge > /dev/null
	$(BIN)/python figures/plot_results.py --config challenge
	$(BIN)/python figures/plot_variation.py --config benchmark
	@echo "== 4 of 4: the table, beside the published values and the ceiling"
	$(BIN)/python evaluate.py --config challenge --results-only
	@echo "done: tables in output/results/, figures in output/figures/"

test: .venv/ready-for-tests
	$(BIN)/python -m pytest

test-all: .venv/ready-for-tests
	$(BIN)/python -m pytest -m ""

lint: .venv/ready-for-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/hadolint docker/Dockerfile

# a figure that lacks its runs says so, and the next one is drawn
draw = $(BIN)/python figures/plot_$(1).py $(3) --output $(FIGURES)/plot_$(2).png || echo "  plot_$(2).png: not drawn"
figures: .venv/ready
	@for script in figures/plot_*.py; do figure=$$(basename $$script .py).png; \
		$(BIN)/python $$script --output $(FIGURES)/$$figure || echo "  $$figure: not drawn"; done
	@$(call draw,validation_loss,batch_normalization,--models cnn_bn cnn_bn_mod resnet resnet_mod)
	@$(call draw,confused_pair,separated_pairs,--pairs 12-497 162-260 21-64 27-266)
	@$(call draw,decision_regions,decision_regions_benchmark,--config benchmark --pair 164-281)
	@$(call draw,results,results_benchmark,--config benchmark)
	@$(call draw,top_k,top_k_space_groups,--configs space_groups_30 --trained-on)

report: .venv/ready
	$(BIN)/python figures/report.py

tables: .venv/ready
	$(BIN)/python docs/tables.py

# requirements.txt is what running needs; each of the other files holds only what it adds to it
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--fork-strategy fewest --custom-compile-command "make lock" $(UPGRADE)
ADDED = --constraints requirements.txt \
	$$(sed -n 's/^\([a-z0-9._-]*\)==.*/--no-emit-package \1/p' requirements.txt)
lock: .venv/ready
	$(PIP) uv
	$(COMPILE) requirements.in --output-file requirements.txt
	$(COMPILE) requirements-dev.in $(ADDED) --output-file requirements-dev.txt
	printf "ray>=2.40,<3\njax>=0.6,<1\nspc-io<1\nrenishawWiRE<1\nbrukeropus<2\n" | $(COMPILE) - $(ADDED) \
		--constraints requirements-dev.txt --output-file requirements-optional.txt
	echo "tensorflow[and-cuda]" | $(COMPILE) - $(ADDED) --output-file docker/requirements-gpu.txt
