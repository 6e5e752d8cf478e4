"""The recipes: each a walk through the rooms that a command names, with nothing of its own to compute."""
