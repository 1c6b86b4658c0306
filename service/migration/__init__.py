"""Makes parley.yaml out of other gateways' configurations, and says of every line what became of it."""
