"""The yard: what arrives from outside, in whose shape, and the simulated operator."""
