#!/bin/sh
# Makes target/node with the packages of the clients in JavaScript that tests run against the server.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
wanted=$here/tests/clients
node=$here/target/node
if ! cmp -s "$wanted/package-lock.json" "$node/installed.json"; then
    mkdir -p "$node"
    cp "$wanted/package.json" "$wanted/package-lock.json" "$node"
    npm ci --prefix "$node" --loglevel error --fetch-retries 10 --no-audit --no-fund
    cp "$wanted/package-lock.json" "$node/installed.json"
fi
