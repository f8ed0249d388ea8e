# make run    builds the server, fetches a small model if there is none, and starts it
# make test   everything that must pass before a change goes in
# make soak   long fault tests of the server
# make sanitize, make arm64: slower checks of the C boundary; see CONTRIBUTING.md

CARGO := scripts/cargo
MODEL ?= models/SmolLM2-135M-Instruct.Q4_1.gguf
# More flags for the server: make run ARGS="--port 5001"
ARGS ?=

export CARGO_TERM_COLOR ?= auto
# A network that is slow to answer is asked again.
export CARGO_NET_RETRY ?= 10

.PHONY: run test setup build model python node soak sanitize arm64

run: build $(if $(filter models/%,$(MODEL)),model)
	@exec target/release/rkllm-server --model "$(MODEL)" $(ARGS)

test: setup model python node
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --features rkllm-server/soak --locked -- -D warnings
	$(CARGO) test --workspace --locked
	$(CARGO) test --workspace --locked --features rkllmrt/abi-1_2_1 --test library
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

# Debian packages and Rust, if the machine lacks them.
setup:
	@scripts/setup.sh

build: setup
	$(CARGO) build --release --locked -p rkllm-server -p rkllm-client -p rkllmrt

# SmolLM2-135M-Instruct, 98 MB, for `make run` and for the tests.
model: setup
	$(CARGO) xtask model

# Python's jinja2, which tests compare chat templates with, schemathesis, which tries the API, and the
# clients that tests run.
python: setup
	@scripts/python.sh

# The clients in JavaScript that tests run.
node: setup
	@scripts/node.sh

SOAK := -p rkllm-server --no-default-features --features soak --locked --test e2e

# Hundreds of crashes, a thousand loads: see CONTRIBUTING.md.
soak: setup
	$(CARGO) test $(SOAK) --no-run
	timeout 600 $(CARGO) test $(SOAK) soak::

# The tests of the C boundary under valgrind.
sanitize: setup model
	scripts/sanitize.sh

# What the emulator cannot do: tests that start themselves again, cargo, or Python.
ARM64_SKIP := corpus:: link:: each_kind_of_crash_kills each_stage_may strict_mode_aborts inits_come_one_after

# For 64-bit Arm boards: tests in an emulator, and the server.
arm64: setup
	@scripts/setup-arm64.sh
	scripts/arm64.sh test --locked --no-default-features --tests \
		-p rkllm-sys -p rkllm-chat -p rkllm-fake -p rkllm -- $(addprefix --skip=,$(ARM64_SKIP))
	scripts/arm64.sh run --locked --release -p rkllm-server -- --help
