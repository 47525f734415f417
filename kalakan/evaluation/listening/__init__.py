"""A listening test as a single page, and the table of its results."""
