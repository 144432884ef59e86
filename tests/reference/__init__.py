"""The API reference, built from the docstrings."""
