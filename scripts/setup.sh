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
python3 -m pip --version >/dev/null 2>&1 || missing="$missing python3-pip"
# bindgen, used by the build of llama.cpp, loads libclang and reads its headers.
ls /usr/lib/llvm-*/lib/libclang*.so* >/dev/null 2>&1 || missing="$missing libclang-dev"

here=$(dirname "$0")
if ! "$here/cargo" --version >/dev/null 2>&1; then
    missing="$missing cargo-web rustc-web rustfmt-web rust-web-clippy"
fi
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Please install these Debian packages or what they are called here:$missing" >&2
    exit 1
fi
sudo=""
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || {
        echo "Please run as root, or install sudo: these packages are missing:$missing" >&2
        exit 1
    }
    sudo=sudo
fi
echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# shellcheck disable=SC2086 # a list of words
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing || {
    echo "The packages could not be installed. If Rust is what is missing, get Rust 1.95 or newer" >&2
    echo "from https://rustup.rs and run make again." >&2
    exit 1
}
"$here/cargo" --version
