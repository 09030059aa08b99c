"""What a person's instruction is, which files it means, and how it becomes work."""
