"""Pages that are made of the code's own tables."""
