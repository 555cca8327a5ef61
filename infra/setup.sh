#!/bin/sh
# Makes infra/.venv with the Python tools of this folder, once, and again when their list changes.
#
#   setup.sh          what the tests need
#   setup.sh deploy   and cargo-lambda, to build for Lambda
set -eu

here=$(cd "$(dirname "$0")" && pwd)
case "${1:-}" in
  "") list=requirements.txt ;;
  deploy) list=requirements-deploy.txt ;;
  *) echo "setup.sh: usage: setup.sh [deploy]" >&2; exit 2 ;;
esac

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || {
  echo "setup.sh: install Python 3.10 or newer, or name it: PYTHON=/path/to/python3" >&2
  exit 2
}
stamp="$here/.venv/$list.sum"
wanted=$(cd "$here" && cat requirements.txt "$list" | cksum)
[ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ] || exit 0

[ -x "$here/.venv/bin/python" ] || "$python" -m venv "$here/.venv" || {
  echo "setup.sh: Python's venv module is missing: install it (Debian: apt-get install python3-venv)" >&2
  exit 2
}
"$here/.venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/$list"
echo "$wanted" >"$stamp"
