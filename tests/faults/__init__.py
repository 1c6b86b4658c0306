"""Whatever breaks, a caller is told in time, of what came and of what did not: run by `make test-faults`."""
