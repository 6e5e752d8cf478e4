"""The features against hand-written peers: `run.py` is the one command, the other modules are its parts."""
