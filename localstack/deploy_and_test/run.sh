#!/bin/sh
# Deploys infra/template.yaml with the real functions to MiniStack and runs the end-to-end tests against it.
# Builds what it needs, starts everything by itself, and leaves nothing running. Arguments go to pytest.
#
#   TUNRTC_FUNCTIONS=target/lambda    tests these packages, as `infra/deploy.py build` made them, and builds none
#
# Needs Debian's coturn and binutils (strip) besides Rust, Node 20 and Python 3.10.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
for program in cargo npm turnserver strip; do
  command -v "$program" >/dev/null || {
    echo "run.sh: $program is missing: install Rust (https://rustup.rs) and Node.js, and with apt-get coturn and binutils" >&2
    exit 2
  }
done
sh "$root/infra/setup.sh"
# The development profile of this machine's own architecture: what is shown here is that the parts fit.
cd "$root"
[ -n "${TUNRTC_FUNCTIONS:-}" ] || cargo build --workspace --bins
cargo test --workspace --test scenarios --no-run
exec "$root/infra/.venv/bin/python" -m pytest "$here" "$@"
