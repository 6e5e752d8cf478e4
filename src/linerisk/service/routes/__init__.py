"""Handlers of the `/v1` API, one module for each group of calls."""
