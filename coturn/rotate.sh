#!/bin/sh
# Rotates the secret that the API and coturn share, in a file of NAME=value lines (compose's .env, or a
# systemd EnvironmentFile), so that no credential stops working before its own end.
#
#   rotate.sh begin FILE    the present secret becomes TURN_SECRET_PREVIOUS, a new one TURN_SECRET
#   rotate.sh finish FILE   TURN_SECRET_PREVIOUS goes
#
# In order: `begin`; restart coturn, which now takes both; give the API the new secret; wait until the
# last credential made with the old one has expired (ttlSeconds of GET /api/iceservers); `finish`; restart.
# A restart of coturn ends the relayed calls that run through it; clients restart ICE. Do it at a quiet hour.
set -eu

fail() { echo "rotate.sh: $1" >&2; exit 2; }

[ $# -eq 2 ] || fail "usage: rotate.sh begin|finish FILE"
step=$1 file=$2
[ -w "$file" ] || fail "$file is missing or not writable"
current=$(sed -n 's/^TURN_SECRET=//p' "$file")
[ -n "$current" ] || fail "$file has no line TURN_SECRET=..."

umask 077
next=$(mktemp "$file.XXXXXX")
trap 'rm -f "$next"' EXIT
grep -v '^TURN_SECRET' "$file" >"$next" || true
case $step in
  begin)
    ! grep -q '^TURN_SECRET_PREVIOUS=.' "$file" || fail "a rotation is under way in $file: finish it first"
    printf 'TURN_SECRET=%s\nTURN_SECRET_PREVIOUS=%s\n' "$(openssl rand -hex 32)" "$current" >>"$next" ;;
  finish)
    printf 'TURN_SECRET=%s\n' "$current" >>"$next" ;;
  *) fail "usage: rotate.sh begin|finish FILE" ;;
esac
mv "$next" "$file"
