"""Parley behind the proxies of others, by the configuration that docs/deploy.md gives for them."""
