#!/bin/sh
# Deletes a deployment of TunRTC: see deploy.py, or run with --help.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
sh "$here/setup.sh"
exec "$here/.venv/bin/python" "$here/deploy.py" destroy "$@"
