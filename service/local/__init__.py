"""The embedded model: its weights, and the process of the engine that runs it."""
