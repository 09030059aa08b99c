"""Remembers: the hash-chained trail, certificates and reports."""
