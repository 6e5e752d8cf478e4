"""Plots of the report page, as SVG with a caption each."""
