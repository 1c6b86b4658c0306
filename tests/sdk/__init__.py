"""Vendors' own clients as judges: each script runs in its lane's environment, many cases in one go, JSON in and out."""
