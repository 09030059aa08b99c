"""What mendd learns from its own work: recipes of edits that won, and how well each engine does."""
