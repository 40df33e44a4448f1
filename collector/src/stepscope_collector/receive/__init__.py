"""Receivers: bytes of OTLP requests in, answers of the protocol out, over gRPC and HTTP."""
