"""The longer reliability runs: each checks one promise very often. `make soak` runs them all."""
