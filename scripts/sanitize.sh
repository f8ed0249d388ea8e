#!/bin/sh
# Runs the tests of the C boundary under valgrind: wrong reads and writes, values never set, memory
# that nothing points to any more.
set -eu

cd "$(dirname "$0")/.."
command -v valgrind >/dev/null 2>&1 || scripts/install.sh valgrind libc6-dbg
valgrind="'valgrind', '--quiet', '--error-exitcode=99', '--fair-sched=yes', '--num-callers=30',
    '--keep-debuginfo=yes', '--leak-check=full', '--show-leak-kinds=definite',
    '--errors-for-leak-kinds=definite', '--suppressions=$PWD/scripts/valgrind.supp'"

# under VALGRIND-FLAGS CARGO-ARGUMENTS...
under() {
    flags=$valgrind$1
    shift
    scripts/cargo test --locked --config "target.'cfg(all())'.runner = [$(echo "$flags" | tr -d '\n')]" "$@"
}

under "" -p rkllm-sys -p rkllm-fake -p rkllm --no-default-features --tests
# The suite in C is a child of the test, and so is its compiler, which takes long enough as it is.
# The test model would take an hour.
RKLLM_TEST_MODEL=$PWD/models/tiny.gguf
export RKLLM_TEST_MODEL
python3 scripts/tiny-model.py models/SmolLM2-135M-Instruct.Q4_1.gguf "$RKLLM_TEST_MODEL"
under ", '--trace-children=yes', '--trace-children-skip=*/cc,*/gcc*,*/cc1,*/as,*/collect2,*/ld*'" \
    -p rkllmrt --test library
