#!/bin/sh
# Writes coturn's production configuration from turnserver.conf.in and the environment.
#
#   render.sh OUTPUT        (OUTPUT is created readable by its owner alone)
#
# Required: TURN_SECRET (or TURN_SECRET_FILE), 32 characters at least of A-Z a-z 0-9 + / = _ -
#           TURN_REALM, a host name
# Optional: TURN_SECRET_PREVIOUS (or _FILE), while the secret is being rotated
#           TURN_EXTERNAL_IP, PUBLIC or PUBLIC/PRIVATE, behind a one-to-one NAT such as an elastic IP
#           TURN_LISTENING_IP, TURN_RELAY_IP, comma lists; every address of the machine without them
#           TURN_CERT and TURN_KEY, PEM files; without them there is no TLS
#           TURN_LISTENING_PORT 3478, TURN_TLS_LISTENING_PORT 5349, TURN_MIN_PORT 49152, TURN_MAX_PORT 65535
#           TURN_USER_QUOTA 24, TURN_TOTAL_QUOTA 1200 (allocations)
#           TURN_MAX_BPS 512000, TURN_BPS_CAPACITY 64000000 (bytes per second)
#           TURN_MINIMUM_VERSION 4.13.1: an older coturn on this machine is refused
# Exit status 2, and one line that says what to do, when something is missing or malformed.
set -eu

fail() { echo "render.sh: $1" >&2; exit 2; }

# from_file NAME: the value of $NAME, or the first line of the file that $NAME_FILE names.
from_file() {
  eval "value=\${$1:-} file=\${$1_FILE:-}"
  if [ -z "$value" ] && [ -n "$file" ]; then
    [ -r "$file" ] || fail "$1_FILE names $file, which cannot be read"
    value=$(head -n 1 "$file")
  fi
  printf '%s' "$value"
}

check() { # NAME VALUE PATTERN MEANING: the whole value must match, so that it cannot add lines of its own
  { printf '%s' "$2" | tr '\n' ' '; echo; } | grep -Eqx -- "$3" || fail "set $1 to $4"
}

# lines OPTION LIST: one "OPTION=item" for each item of a comma list.
lines() { printf '%s\n' "$2" | tr ',' '\n' | sed -n "s/^\\(..*\\)\$/$1=\\1/p"; }

# older VERSION MINIMUM: whether the version is before the minimum.
older() { [ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

[ $# -eq 1 ] || fail "usage: render.sh OUTPUT"
template="$(dirname "$0")/turnserver.conf.in"
secret=$(from_file TURN_SECRET)
previous=$(from_file TURN_SECRET_PREVIOUS)
secret_form='[A-Za-z0-9+/=_-]{32,}'
number='[1-9][0-9]*'
addresses='([0-9a-fA-F.:]+,?)*'

check TURN_SECRET "$secret" "$secret_form" "32 or more of A-Z a-z 0-9 + / = _ - (openssl rand -hex 32)"
check TURN_SECRET_PREVIOUS "$previous" "($secret_form)?" "the secret before the present one, or leave it out"
check TURN_REALM "${TURN_REALM:-}" '[A-Za-z0-9.-]+' "the host name of this TURN server"
check TURN_EXTERNAL_IP "${TURN_EXTERNAL_IP:-}" '([0-9a-fA-F.:]+(/[0-9a-fA-F.:]+)?)?' "PUBLIC or PUBLIC/PRIVATE address"
check TURN_LISTENING_IP "${TURN_LISTENING_IP:-}" "$addresses" "a comma list of addresses"
check TURN_RELAY_IP "${TURN_RELAY_IP:-}" "$addresses" "a comma list of addresses"

# Where coturn runs elsewhere, in a container of its own say, its image's tag says the version.
minimum=${TURN_MINIMUM_VERSION:-4.13.1}
check TURN_MINIMUM_VERSION "$minimum" '[0-9]+(\.[0-9]+)*' "a version, 4.13.1 for example"
if command -v turnserver >/dev/null; then
  version=$(turnserver --version 2>/dev/null | grep -Eo '[0-9]+(\.[0-9]+)+' | head -n 1)
  ! older "${version:-0}" "$minimum" ||
    fail "coturn ${version:-of an unknown version} relays to addresses that it should refuse (CVE-2026-27624): use $minimum or newer, its container image for example"
fi

if [ -n "${TURN_CERT:-}${TURN_KEY:-}" ]; then
  [ -r "${TURN_CERT:-}" ] || fail "set TURN_CERT to a readable PEM file, or leave out TURN_KEY too"
  [ -r "${TURN_KEY:-}" ] || fail "set TURN_KEY to a readable PEM file, or leave out TURN_CERT too"
  tls=$(printf 'cert=%s\npkey=%s' "$TURN_CERT" "$TURN_KEY")
else
  tls=$(printf 'no-tls\nno-dtls')
fi

case ${TURN_USAGE:-no} in
  yes) usage=$(printf 'verbose\nnew-log-timestamp') ;;
  no) usage= ;;
  *) fail "set TURN_USAGE to yes or no" ;;
esac

# block NAME TEXT and fill NAME DEFAULT add to the table of replacements that awk reads.
umask 077
table=$(mktemp)
trap 'rm -f "$table"' EXIT
block() { printf '%s\t%s\n' "$1" "$(printf '%s' "$2" | awk '{ printf "%s%s", separator, $0; separator = "\\n" }')" >>"$table"; }
fill() {
  eval "value=\${TURN_$1:-$2}"
  check "TURN_$1" "$value" "$number" "a positive number"
  block "$1" "$value"
}

block ADDRESSES "$(lines external-ip "${TURN_EXTERNAL_IP:-}"; lines listening-ip "${TURN_LISTENING_IP:-}"; lines relay-ip "${TURN_RELAY_IP:-}")"
block SECRETS "$(lines static-auth-secret "$secret,$previous")"
block REALM "$TURN_REALM"
block TLS "$tls"
block USAGE "$usage"
fill LISTENING_PORT 3478
fill TLS_LISTENING_PORT 5349
fill MIN_PORT 49152
fill MAX_PORT 65535
fill USER_QUOTA 24
fill TOTAL_QUOTA 1200
fill MAX_BPS 512000
fill BPS_CAPACITY 64000000

awk -F '\t' '
  NR == FNR { gsub(/\\n/, "\n", $2); value[$1] = $2; next }
  /^#/ { print; next }
  { for (name in value) { at = index($0, "@" name "@")
      if (at) $0 = substr($0, 1, at - 1) value[name] substr($0, at + length(name) + 2) }
    print }
' "$table" "$template" >"$1"
