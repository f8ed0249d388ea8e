#!/bin/sh
# Installs what `make arm64` needs and the machine lacks: cross compilers, an emulator, and Debian's
# Rust with its standard library for arm64.
set -eu

missing=""
need() { # need COMMAND PACKAGE
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
need aarch64-linux-gnu-g++ g++-aarch64-linux-gnu
need qemu-aarch64 qemu-user
[ -x /usr/bin/rustc ] || missing="$missing rustc-web"
[ -x /usr/bin/cargo ] || missing="$missing cargo-web"
[ -d /usr/lib/rustlib/aarch64-unknown-linux-gnu/lib ] || missing="$missing libstd-rust-web-dev:arm64"
# The emulator takes the system's libraries for arm64. Those of the cross compiler are of another
# version, and the two do not mix.
[ -e /lib/ld-linux-aarch64.so.1 ] || missing="$missing libc6:arm64"
[ -e /usr/lib/aarch64-linux-gnu/libstdc++.so.6 ] || missing="$missing libstdc++6:arm64"
[ -n "$missing" ] || exit 0
# shellcheck disable=SC2086 # a list of words
exec "$(dirname "$0")/install.sh" $missing
