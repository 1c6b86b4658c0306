"""The Python process: a request comes in at faces/, passes pipeline/ and routing/, and leaves by upstream/."""
