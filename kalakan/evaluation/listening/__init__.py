"""A listening test as one page, and the table of what listeners answered."""
