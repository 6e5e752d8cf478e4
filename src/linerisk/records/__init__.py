"""Reading source files through mappings, the input contract, and the simulated operator."""
