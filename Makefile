# make run    builds the server, fetches a small model if there is none, and starts it
# make test   everything that must pass before a change goes in

CARGO := scripts/cargo
MODEL ?= models/SmolLM2-135M-Instruct.Q4_1.gguf
# More flags for the server: make run ARGS="--port 5001"
ARGS ?=

export CARGO_TERM_COLOR ?= auto

.PHONY: run test setup build model

run: build $(if $(filter models/%,$(MODEL)),model)
	@exec target/release/rkllm-server --model "$(MODEL)" $(ARGS)

test: setup model
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
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
