#!/bin/sh
# Makes target/python, a virtual environment with what the tests compare chat templates with.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
wanted=$here/crates/rkllm-chat/tests/corpus/requirements.txt
venv=$here/target/python
if ! cmp -s "$wanted" "$venv/requirements.txt"; then
    python3 -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted"
    cp "$wanted" "$venv/requirements.txt"
fi
