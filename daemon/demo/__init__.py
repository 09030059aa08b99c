"""The demonstration: the real service on a copy of the examples, nothing staged."""
