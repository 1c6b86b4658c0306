"""The peers of the benchmark: the table of them, and the templates of their configurations."""

from bench.peers.table import DIRECT, PARLEY, PEERS

__all__ = ["DIRECT", "PARLEY", "PEERS"]
