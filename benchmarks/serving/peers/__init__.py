"""The peers: other servers that do the work of `work.py` as in their manuals, and record nothing."""
