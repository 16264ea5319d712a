# make run: the whole story in minutes · make figures, make report: all that the runs at hand allow · make test: every test
# make lint: style · make lock: pin the dependencies anew
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run figures report test lint lock
.DEFAULT_GOAL := run

.venv/ready: requirements.txt
	@echo "setting up .venv (about two minutes)"
	@$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and 'Python 3.11 to 3.13 is needed, this is ' + sys.version)"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

run: .venv/ready
	@echo "== 1 of 4: rendering both published datasets into datasets/"
	@$(BIN)/python spectra_from_config.py --config challenge
	@$(BIN)/python spectra_from_config.py --config benchmark
	@$(BIN)/python figures/plot_variation.py --config benchmark
	@echo "== 2 of 4: training CNN2 on the challenge, linear and ReLU hidden layers, into runs/challenge/"
	@$(BIN)/python train.py --config challenge --models cnn2 --hidden-activations linear relu --seeds 0
	@echo "== 3 of 4: counting errors into results/challenge.csv"
	@$(BIN)/python evaluate.py --config challenge
	@echo "== 4 of 4: drawing"
	@$(BIN)/python figures/plot_results.py --config challenge
	@echo "done: the table above, results/challenge.csv, figures/plot_variation.png, figures/plot_results.png"

figures: .venv/ready
	@for script in figures/plot_*.py; do $(BIN)/python $$script || echo "  $$script: not drawn"; done
	@$(BIN)/python figures/plot_validation_loss.py --models cnn_bn cnn_bn_mod resnet resnet_mod \
		--output figures/plot_batch_normalization.png || echo "  figures/plot_batch_normalization.png: not drawn"
	@$(BIN)/python figures/plot_confused_pair.py --pairs 12-497 162-260 21-64 27-266 \
		--output figures/plot_separated_pairs.png || echo "  figures/plot_separated_pairs.png: not drawn"
	@$(BIN)/python figures/plot_decision_regions.py --config benchmark --pair 164-281 \
		--output figures/plot_decision_regions_benchmark.png || echo "  figures/plot_decision_regions_benchmark.png: not drawn"
	@$(BIN)/python figures/plot_results.py --config benchmark --output figures/plot_results_benchmark.png \
		|| echo "  figures/plot_results_benchmark.png: not drawn"

report: .venv/ready
	@$(BIN)/python figures/report.py

.venv/ready-for-tests: .venv/ready requirements-optional.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-optional.txt
	@touch $@

test: .venv/ready-for-tests
	$(BIN)/python -m pytest

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/hadolint docker/Dockerfile

LOCK := --universal --python-version 3.11 --generate-hashes --fork-strategy fewest --custom-compile-command "make lock"
lock: .venv/ready
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile requirements.in $(LOCK) --upgrade --output-file requirements.txt
	echo "tensorflow[and-cuda]" | $(BIN)/uv pip compile - requirements.in --constraints requirements.txt $(LOCK) \
		--upgrade --output-file docker/requirements-gpu.txt
	printf "ray>=2.40,<3\njax>=0.6,<1\n" | $(BIN)/uv pip compile - --constraints requirements.txt $(LOCK) \
		--upgrade --output-file requirements-optional.txt
