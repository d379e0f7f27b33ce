"""Benchmarks: what is measured before and after, as a ratio, in one run. Never part of the tests."""
