"""Payments that were booked twice."""
