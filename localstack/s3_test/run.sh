#!/bin/sh
# The same questions to the embedded object store and to MiniStack, with boto3. Builds what it needs and leaves nothing running.
#
#   TUNRTC_BIN=...    asks this program instead of one that it builds
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
sh "$root/infra/setup.sh"
cd "$root"
[ -n "${TUNRTC_BIN:-}" ] || cargo build --workspace --bin tunrtc
exec "$root/infra/.venv/bin/python" -m pytest -q "$here" "$@"
