"""Promotion gates: each has a stable code and a limit, and fails when its figure is missing."""
