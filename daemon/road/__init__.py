"""The stations of one reflection's road, as daemon/cycle.py walks it."""
