"""Disputes: a holder objects to a decision, a person reviews it, and what is found lifts, stands or is learnt from."""
