"""Records: source files, operators' mappings, and the simulated operator."""
