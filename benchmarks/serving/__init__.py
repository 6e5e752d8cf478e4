"""Benchmark of the service and its peers: run `run.py`; `client.py` alone loads any running service."""
