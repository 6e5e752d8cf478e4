"""Promotion gates: types and limits, the checks by subject, and the runner."""
