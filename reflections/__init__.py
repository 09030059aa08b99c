"""Reads notes: what came in, what is open, what it is about."""
