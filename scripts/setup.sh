#!/bin/sh
# Installs what the build needs and the machine lacks. Debian and its relatives; root or sudo.
set -eu

missing=""
need() { # need COMMAND PACKAGE
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need cc build-essential
need c++ build-essential
need make build-essential
need cmake cmake
need curl curl
need python3 python3
need node nodejs
need npm npm
python3 -m pip --version >/dev/null 2>&1 || missing="$missing python3-pip"
# Debian's python3 has venv without ensurepip, which it needs.
python3 -c 'import venv, ensurepip' >/dev/null 2>&1 || missing="$missing python3-venv"
# bindgen, used by the build of llama.cpp, loads libclang and reads its headers.
ls /usr/lib/llvm-*/lib/libclang*.so* >/dev/null 2>&1 || missing="$missing libclang-dev"

here=$(dirname "$0")
if ! "$here/cargo" --version >/dev/null 2>&1; then
    missing="$missing cargo-web rustc-web rustfmt-web rust-web-clippy"
fi
[ -n "$missing" ] || exit 0

# shellcheck disable=SC2086 # a list of words
"$here/install.sh" $missing || {
    echo "The packages could not be installed. If Rust is what is missing, get Rust 1.95 or newer" >&2
    echo "from https://rustup.rs and run make again." >&2
    exit 1
}
"$here/cargo" --version
