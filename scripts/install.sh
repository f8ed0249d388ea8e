#!/bin/sh
# Installs Debian packages: install.sh PACKAGE... As root or with sudo.
set -eu

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Please install these Debian packages or what they are called here: $*" >&2
    exit 1
fi
sudo=""
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || {
        echo "Please run as root, or install sudo: these packages are missing: $*" >&2
        exit 1
    }
    sudo=sudo
fi
echo "Installing: $*"
case " $* " in
*:arm64*) $sudo dpkg --add-architecture arm64 ;;
esac
$sudo apt-get -o Acquire::Retries=10 update -qq
$sudo env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=10 install -y -qq \
    --no-install-recommends "$@"
