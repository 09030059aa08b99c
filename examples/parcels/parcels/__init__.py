"""Postage, labels and tracking for a mail-order shop."""
