"""The books of a small shop: money, statements, figures, dates, receipts and stock."""
