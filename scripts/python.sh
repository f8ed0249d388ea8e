#!/bin/sh
# Makes target/python, a virtual environment with what tests need: what they compare chat templates
# with, what they try the server's API with, and the clients that they run against it.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
venv=$here/target/python
wanted=$(cat "$here/crates/rkllm-chat/tests/corpus/requirements.txt" \
    "$here/tests/e2e/requirements.txt" "$here/tests/clients/requirements.txt")
if [ "$(cat "$venv/requirements.txt" 2>/dev/null)" != "$wanted" ]; then
    python3 -m venv --clear "$venv"
    echo "$wanted" >"$venv/wanted.txt"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --retries 10 \
        -r "$venv/wanted.txt"
    mv "$venv/wanted.txt" "$venv/requirements.txt"
fi
