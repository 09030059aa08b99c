"""How habits found in agents' sessions become rules of a prompt file, are watched, and go again."""
