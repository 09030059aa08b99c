"""What hostile tests try inside a trial container. Copied into it: standard library only."""
