"""The configuration file and the secrets beside it."""
