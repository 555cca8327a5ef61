#!/bin/sh
# Stock SignalR clients of Python against a running server. Builds what it needs and leaves nothing running.
#
#   TUNRTC_BIN=...    asks this program instead of one that it builds
#   TUNRTC_URL=...    asks a server that runs (test_hub.py says what else it needs)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv="$root/target/hub-test-venv"
[ -x "$venv/bin/pytest" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
cd "$root"
[ -n "${TUNRTC_BIN:-}${TUNRTC_URL:-}" ] || cargo build --workspace --bin tunrtc
exec "$venv/bin/python" -m pytest -q "$here" "$@"
