"""The daemon: decides when, what and whether. Start reading at cycle.py."""

__version__ = "0.1.0"
