"""Reads what agents leave of their sessions and finds habits in it that cost them work.

`read` turns bytes into `Transcript` values, `detect` looks for patterns in them. Import the module
you need; nothing is loaded here.
"""
