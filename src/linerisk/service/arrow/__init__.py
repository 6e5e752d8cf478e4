"""Arrow IPC bodies of bulk requests and answers."""
