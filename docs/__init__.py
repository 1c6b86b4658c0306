"""The documentation, and what makes those of its pages that can be made."""
