"""Measures the program; `python -m tests.bench --help`. Not part of the test suite: figures depend on the machine."""
