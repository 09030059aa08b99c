"""Watches over mendd's own work: what an operator should look at, and calling for them."""
