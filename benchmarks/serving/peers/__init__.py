"""The peers: each does the work of `work.py` as its own manual writes it, and records nothing."""
