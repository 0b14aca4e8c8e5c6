# Nothing but Python 3.11+ and make is needed: the first target that runs builds .venv from uv.lock. uv trusts whom the
# system trusts, as pip does: a company's proxy, say.
PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
READY := .venv/ready

.PHONY: corpus run serve test test-kafka test-crash check lint types imports prompts golden fmt fuzz soak bench clean

run: $(READY)  ## the main job on embedded stand-ins; ONCE=1 sends the samples and ends
	@$(BIN)/python -m workbench run $(if $(ONCE),--once) $(if $(PORT),--port $(PORT))

serve: $(READY)  ## only the function; settings come from the environment
	@$(BIN)/gunicorn --config handler/server.py

test: $(READY)
	$(BIN)/pytest

test-kafka: $(READY)  ## through Apache Kafka: KAFKA_BOOTSTRAP_SERVERS, or one started with Java and Maven
	$(BIN)/pytest -m kafka tests/kafka

test-crash: $(READY)  ## SIGKILL at every step of an event; make test has one of each kind that waits for no lease
	$(BIN)/pytest -m crash tests/crash

check: lint types imports prompts test-crash  ## all that CI holds a change to, also what make test leaves out for its time
	$(BIN)/pytest --cov --cov-report=term -m "not kafka and not crash and not soak"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

imports: $(READY)
	$(BIN)/lint-imports

prompts: $(READY)  ## the content checks alone
	@$(BIN)/python -m workbench prompts

golden: $(READY)  ## takes over what an edit of prompts/ changes in the requests of tests/golden
	@$(BIN)/python -m workbench golden

corpus: $(READY)  ## what the checks on copy catch and let through, on sentences of both kinds
	@$(BIN)/python -m tests.copy_corpus

fmt: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

fuzz: $(READY)  ## 100,000 broken requests; SEED=2 sends others
	@$(BIN)/python -m tests.fuzz.requests --count 100000 --seed $(or $(SEED),1)

soak: $(READY)  ## everything fails while products are edited, and the books balance; FULL=1: 20,000 events, 50 kills
	@$(BIN)/python -m workbench soak $(if $(FULL),--full) --seed $(or $(SEED),1)

bench: $(READY)  ## speed, memory, calls and tokens beside what they rest on; ROWS="start cpu" measures a part
	@$(BIN)/python -m workbench bench $(ROWS)

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .coverage

$(READY): uv.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	UV_PYTHON_DOWNLOADS=never $(BIN)/uv sync --system-certs --quiet --frozen --inexact --all-extras --python $(BIN)/python
	touch $@
