"""How the real module is changed: exchanged files, commits, and the journal behind them."""
