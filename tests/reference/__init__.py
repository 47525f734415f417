"""Slow, obvious Python twins of the Rust code: oracles of the tests and baselines of the benchmarks."""
