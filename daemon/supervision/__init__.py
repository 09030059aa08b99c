"""The supervisor's parts: what wakes it, what it starts, what it tells systemd."""
