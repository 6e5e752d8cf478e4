"""Measures a model with intervals, runs the promotion gates, and writes the report page and the model card."""
