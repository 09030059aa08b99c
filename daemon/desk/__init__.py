"""What the worker does around the road: notes in, orders carried out, work put away."""
