"""How fast disputes are found."""
