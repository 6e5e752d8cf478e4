"""One module per revision; a revision that shipped is never edited."""
