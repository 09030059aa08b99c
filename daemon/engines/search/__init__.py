"""The embedded engine: test-guided program repair without a model."""
