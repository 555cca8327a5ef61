# Sourced by the tests that need a Debian of their own: `debian SUITE FOLDER` makes a minimal one there, with debootstrap, as root.
#
#   DEBIAN_MIRROR=...   where debootstrap fetches from; the one that apt uses, unless said otherwise
debian() {
  # The mirror of Debian itself among apt's sources.
  mirror=${DEBIAN_MIRROR:-$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
    grep -v '^#' | grep -oE 'https?://[^ ]+/debian( |/|$)' | head -n 1)}
  debootstrap --variant=minbase "$1" "$2" "$mirror" >"$2.log" || { tail "$2.log" >&2; return 1; }
}
