"""Reads what others wrote about failures: inbox, notes, triage, store and archive.

Import the module you need (`reflections.note`, `reflections.inbox`, …). Nothing is loaded here, so
that `reflections.inbox` stays as light as the standard library.
"""
