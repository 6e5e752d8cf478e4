"""What a model is worth: measures with intervals, gates that fail closed, a report that can be read and looked at."""
