"""The service beside its peers: `run.py` is the one command, `client.py` is for users too, the rest are parts."""
