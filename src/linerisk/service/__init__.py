"""The front door: the only room that knows BentoML.

BentoML owns the process: workers, lifecycle, health, metrics, documentation, build. `/v1` is answered in front of its
middleware (`hot`), by an ASGI application that knows nothing of it (`api`).
"""
