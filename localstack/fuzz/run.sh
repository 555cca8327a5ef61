#!/bin/sh
# Gives every target to libFuzzer, one after the other, each for $SECONDS_EACH seconds (60).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cargo +nightly --version >/dev/null 2>&1 || {
  echo "fuzz: libFuzzer needs a nightly compiler: rustup toolchain install nightly. Without one: PROPTEST_CASES=100000 cargo test --workspace --test targets" >&2
  exit 2
}
command -v cargo-fuzz >/dev/null || PATH="$root/infra/.venv-checks/bin:$PATH"
command -v cargo-fuzz >/dev/null || sh "$root/infra/setup.sh" checks
# The same versions of everything as in the workspace.
cp "$root/Cargo.lock" "$here/libfuzzer/Cargo.lock"
for seeds in "$here"/seeds/*; do
  target=$(basename "$seeds")
  corpus="$here/libfuzzer/corpus/$target"
  mkdir -p "$corpus"
  # What is found is written to the first folder; the seeds are only read.
  cargo +nightly fuzz run --fuzz-dir "$here/libfuzzer" "$target" "$corpus" "$seeds" -- -max_total_time="${SECONDS_EACH:-60}" -max_len=65536
done
