# Two commands are all: `make demo` shows the main job on real input, `make test` checks everything.
# Both install what the machine lacks (scripts/setup).

SHELL := bash
CARGO := cargo
export CARGO_TERM_COLOR ?= auto

.PHONY: demo demo-guard test setup-demo setup-demo-guard setup-test format lint unit reports deny self bench fuzz

demo: setup-demo
	scripts/demo

# An attack on a container, seen, stopped and told; needs root.
demo-guard: setup-demo-guard
	scripts/demo-guard

test: setup-test format lint unit reports deny self

setup-demo:
	scripts/setup demo

setup-demo-guard:
	scripts/setup demo-guard

setup-test:
	scripts/setup test

format:
	$(CARGO) fmt --all --check

lint:
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

unit:
	$(CARGO) test --locked --workspace --no-fail-fast

# Reports in every format against the schemas of those formats.
reports:
	scripts/validate-reports

deny:
	scripts/deny

# Seawall scans what it is built from: no advisory may name a crate of Cargo.lock.
self:
	scripts/self-scan

bench:
	scripts/bench

fuzz:
	scripts/fuzz
