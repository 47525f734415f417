.PHONY: help dev check test bench

help:  ## What can be made
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/'

dev:  ## Install Kalakan in this environment, editable, with everything needed to work on it
	pip install --editable '.[dev]'

check:  ## Everything CI checks but the tests
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings
	ruff format --check .
	ruff check .
	mypy
	stubtest --mypy-config-file pyproject.toml kalakan._rust

test:  ## All tests
	cargo test --workspace
	pytest

bench:  ## All benchmarks, and nothing else
	pytest benches --benchmark-only
