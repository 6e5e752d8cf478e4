"""The report page, its tables and facts, and the model card."""
