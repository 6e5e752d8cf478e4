"""Calibrated fraud-risk tiers for phone lines: records to features to margin, probability, tier, action."""

__version__ = "0.1.0"
