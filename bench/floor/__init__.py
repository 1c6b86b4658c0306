"""The least that a Python gRPC server behind Envoy can spend: what Parley's costs are compared with."""
