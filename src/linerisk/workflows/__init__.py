"""Workflows: one per command, each a sequence of calls into other rooms, without logic of its own."""
