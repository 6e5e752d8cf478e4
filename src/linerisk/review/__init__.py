"""Disputes: a holder objects to a decision, and a person reviews it.

The outcome lifts the measure or upholds it, and becomes a label for training.
"""
