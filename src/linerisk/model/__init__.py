"""The model: margin to probability to tier, and its artefact of text and JSON."""
