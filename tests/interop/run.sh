#!/usr/bin/env bash
# Runs an interop script with the npm packages beside it, or says how to get them.
set -euo pipefail
cd "$(dirname "$0")"
if [ ! -d node_modules/yjs ]; then
  echo "tests/interop/node_modules is missing: run ./dev test, or npm ci in tests/interop" >&2
  exit 1
fi
exec node "$@"
