"""Who is calling: the keys of parley.yaml."""

from service.auth.keys import Caller, Keyring, hash_key, new_key

__all__ = ["Caller", "Keyring", "hash_key", "new_key"]
