"""Parley against an emulator that other people wrote of the vendors' APIs, by their own reading of the documents."""
