#!/bin/sh
# Builds and starts the whole of TunRTC on http://localhost:5000, as `make run` does where there is make. Options go to the
# server: `localstack/run.sh --data tunrtc.db`. Needs Rust and Node.js 20.
set -eu
cd "$(dirname "$0")/.."
node sdk-js/scripts/packages.mjs
(cd sdk-js && npm run --silent build)
exec cargo run --profile quick --bin tunrtc -- "$@"
