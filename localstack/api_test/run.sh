#!/bin/sh
# Holds a running server against the OpenAPI document that it serves. Builds what it needs and leaves nothing running.
#
#   run.sh            bounded: under a minute
#   run.sh --full     many more requests, and sequences of them: some minutes
#
#   TUNRTC_BIN=...    asks this program instead of one that it builds
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
sh "$root/infra/setup.sh" checks
cd "$root"
[ -n "${TUNRTC_BIN:-}" ] || cargo build --workspace --bin tunrtc
exec "$root/infra/.venv-checks/bin/python" -m pytest -p no:schemathesis "$here" "$@"
