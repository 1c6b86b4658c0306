"""What a request and a chunk cost, measured against a vendor that costs next to nothing."""
