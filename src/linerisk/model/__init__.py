"""The table: what a model is. Margin to probability to tier, and an artefact of text and JSON that says all of it."""
