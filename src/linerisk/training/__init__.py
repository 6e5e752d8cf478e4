"""Training: rows, slices by time and line, trees, calibration, cut points, recipe search."""
