"""What the gates look for, one idea a file."""
