# `make` lists the targets. Everything a target needs is installed by it, or named in one line.
.DEFAULT_GOAL := help
SHELL := /bin/sh
# Of the server that `make run` starts: soon built; what operators install is built by release. Its test takes dev.
PROFILE := quick
.PHONY: help run test test-rust test-sdk test-csharp test-csharp-drops test-browser test-infra test-deployed test-api test-image test-empty fuzz lint lint-rust lint-sdk audit \
	bench bench-local bench-peers overload test-media soak growth coldstart documents screenshot deploy destroy clean tools prepare build-rust packages

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: packages ## Run the whole of TunRTC on http://localhost:5000 (ARGS="--data tunrtc.db" keeps the data)
	cd sdk-js && npm run --silent build
	cargo build --profile $(PROFILE) --workspace --bin tunrtc
	$${CARGO_TARGET_DIR:-target}/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/tunrtc $(ARGS)

test: tools ## Run every test, two parts side by side, and say how long each took
	.ci/parts.py

test-rust: ## Functions, local gateway, durability
	cargo test --workspace --no-fail-fast

test-sdk: packages ## The TypeScript SDK in Node
	cd sdk-js && npm run --silent build && npm test

test-csharp: packages ## The C# SDK on .NET 8 and 9, against the real server and the TypeScript SDK
	cargo build --workspace --bin tunrtc
	cd sdk-js && npm run --silent build:test
	sh sdk-csharp/tools/test.sh

test-csharp-drops: packages ## A thousand forced drops between the two SDKs, on .NET 8 and then 9 (minutes)
	cargo build --workspace --bin tunrtc
	cd sdk-js && npm run --silent build:test
	TUNRTC_DROPS=1000 TUNRTC_TEST_SECONDS=1800 sh sdk-csharp/tools/test.sh Nothing_is_lost

test-browser: packages ## Calls between real browsers, on this machine and over made networks
	cargo build --workspace --bin tunrtc
	cd sdk-js && npm run test:browser

test-media: packages ## How calls adapt, in full: up to six people, and a bad line for a minute (needs a machine with nothing else to do)
	cargo build --workspace --bin tunrtc
	cd sdk-js && TUNRTC_FULL=1 npm run test:browser uplink bad-line

test-infra: ## The AWS template, the scripts and coturn
	sh infra/setup.sh
	sh infra/setup.sh policy
	infra/.venv/bin/python -m pytest coturn/tests infra/tests

test-deployed: packages ## A deployment of the template into an emulator
	sh localstack/deploy_and_test/run.sh

test-api: ## The running server against its own API document (ARGS="--full" takes minutes), SignalR clients of Python, and its object store
	sh localstack/api_test/run.sh $(ARGS)
	sh localstack/hub_test/run.sh
	sh localstack/s3_test/run.sh

test-image: packages ## Build the image's last stage without a registry, and run it (as root, with buildah and debootstrap)
	sh localstack/test_image.sh

test-empty: ## `make run` on a Debian that has nothing but what the README names (as root, with debootstrap; ARGS="make test" for all tests)
	sh localstack/test_empty.sh $(ARGS)

fuzz: ## Every fuzz target in libFuzzer, a minute each (SECONDS_EACH=600 for longer); needs a nightly compiler
	sh localstack/fuzz/run.sh

lint: lint-rust lint-sdk audit ## Formatting, clippy, types, package checks, and what we build on

# A newer compiler than ours knows lints that nobody here has met: it shows them, and only ours fails.
OUR_RUST = $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
lint-rust:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- $(if $(findstring rustc $(OUR_RUST).,$(shell rustc --version)),--deny warnings)

lint-sdk: packages
	cd sdk-js && npm run --silent build && npm run lint

audit: packages ## Licences, sources and known holes of what we build on
	sh infra/setup.sh checks
	.ci/audit.py

bench: bench-local coldstart ## Measure everything: the local server, and every function's cold start and size

bench-local: ## Measure the local server's speed and size (release build)
	cargo build --release --workspace --bin tunrtc --bin bench
	target/release/bench

bench-peers: ## Measure the local server beside Socket.IO on Redis and PeerServer (needs redis-server)
	@command -v redis-server >/dev/null || { echo "bench-peers: redis-server is missing: sudo apt-get install redis-server" >&2; exit 2; }
	cd localstack/bench/peers && npm ci --no-audit --no-fund
	cargo build --release --workspace --bin tunrtc --bin bench
	target/release/bench --peers localstack/bench/peers $(ARGS)

overload: ## Three times what the local server can do for a minute, then a third of it (release build)
	cargo build --release --workspace --bin tunrtc --bin bench
	target/release/bench --only overload --seconds 60 --check

soak: ## 10,000 idle connections, then a quarter of an hour of signals while people come and go (release build)
	cargo build --release --workspace --bin tunrtc --bin bench
	target/release/bench --only idle --connections 10000
	target/release/bench --only soak --rate 300 --seconds 900 --check

growth: ## Measure how the local server grows with people and sessions, and draw it for docs/PERFORMANCE.md (release build, minutes)
	cargo build --release --workspace --bin tunrtc --bin bench
	target/release/bench --growth docs/growth/machine.json
	TUNRTC_RECORD=1 cargo test --workspace --test store the_plots_show_what_is_counted
	[ -x target/plots-venv/bin/python ] || python3 -m venv target/plots-venv
	target/plots-venv/bin/pip install --quiet --disable-pip-version-check -r localstack/bench/requirements.txt
	target/plots-venv/bin/python localstack/bench/plots.py docs/growth

coldstart: ## Measure every function's cold start and package, and a broadcast, as they are deployed (builds all of them, which takes long)
	sh infra/setup.sh deploy
	infra/.venv/bin/python infra/deploy.py build --architecture $$(uname -m | sed s/aarch64/arm64/)
	infra/.venv/bin/python infra/coldstart/coldstart.py target/lambda --share
	infra/.venv/bin/python infra/coldstart/broadcast.py target/lambda

documents: ## Write docs/api anew from the code
	cargo run --package protocol --features schema --example documents -- docs/api

screenshot: packages ## Take the README's picture of the console anew
	cargo build --workspace --bin tunrtc
	cd sdk-js && npm run screenshot

deploy: ## Deploy to AWS (docs/DEPLOYMENT.md)
	sh infra/deploy.sh $(ARGS)

destroy: ## Remove the deployment from AWS
	sh infra/destroy.sh $(ARGS)

clean: ## Remove everything that was built
	cargo clean
	rm -rf sdk-js/dist sdk-js/build sdk-js/node_modules sdk-csharp/.dotnet sdk-csharp/*/bin sdk-csharp/Examples/*/bin infra/.venv infra/.venv-policy infra/.venv-checks localstack/fuzz/libfuzzer/target

tools: # What the tests need beside Rust and Node
	@sh .ci/tools

prepare: packages # What the tests need from the network, while something else compiles
	sh infra/setup.sh
	sh infra/setup.sh policy
	sh infra/setup.sh checks
	python3 sdk-csharp/tools/setup.py

build-rust:
	cargo test --workspace --no-run
	cargo build --workspace --bins

packages: # The SDK's development dependencies
	@node sdk-js/scripts/packages.mjs
