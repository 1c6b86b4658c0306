"""Vendors' wire formats: each dialect is pure, opens no socket, and knows no other."""
