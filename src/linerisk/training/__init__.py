"""The learning wing's bench: rows to learn from, slices of time and lines, trees, calibration, cut points."""
