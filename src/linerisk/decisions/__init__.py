"""The decision log: what was said, durable before it is said, hash-chained, and able to be said again."""
