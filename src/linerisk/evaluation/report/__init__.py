"""The report page, its tables and the model card."""
