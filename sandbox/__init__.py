"""Tries patches on copies of a module in throwaway Docker containers; never touches the module.

Start at trial.py (`Sandbox`, `Bench`, `Run`); errors.py lists what can keep it from trying.
"""
