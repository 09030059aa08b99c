"""The parts of a conversation with a model, one idea a file."""
