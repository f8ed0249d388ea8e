#!/bin/sh
# Cargo for 64-bit Arm boards: arm64.sh CARGO-ARGUMENTS... Tests and programs run in an emulator.
#
# With ARM_ARCH, such as armv8.2-a+dotprod, llama.cpp is compiled for CPUs that have these
# instructions, and ends with an illegal instruction on others; without, it runs on all.
set -eu

target=aarch64-unknown-linux-gnu
here=$(dirname "$0")
# Rust of one's own, if it can compile for the target; else Debian's, whose standard library for
# arm64 is a package.
if ! [ -d "$(rustc --print sysroot 2>/dev/null)/lib/rustlib/$target/lib" ]; then
    PATH=/usr/bin:$PATH
fi
# Another compiler than usual, so another folder for what it makes.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/arm64"
if [ -n "${ARM_ARCH:-}" ]; then
    CARGO_TARGET_DIR=$CARGO_TARGET_DIR-$ARM_ARCH
    mkdir -p "$CARGO_TARGET_DIR"
    # The crate with llama.cpp has no setting for it, but hands variables on to cmake.
    CMAKE_PROJECT_INCLUDE=$(realpath "$CARGO_TARGET_DIR")/arch.cmake
    export CMAKE_PROJECT_INCLUDE
    echo "set(GGML_CPU_ARM_ARCH $ARM_ARCH CACHE STRING \"\" FORCE)" >"$CMAKE_PROJECT_INCLUDE"
fi
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="env CC=aarch64-linux-gnu-gcc qemu-aarch64"
export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
export CXX_aarch64_unknown_linux_gnu=aarch64-linux-gnu-g++
export BINDGEN_EXTRA_CLANG_ARGS_aarch64_unknown_linux_gnu=--sysroot=/usr/aarch64-linux-gnu
command=$1
shift
exec "$here/cargo" "$command" --target $target "$@"
