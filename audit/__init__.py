"""Remembers: the hash-chained trail, certificates anyone can replay, and readable reports."""
