"""A gRPC server of our own: HTTP/2 in Rust (folder `native/`), sockets and calls in an event loop.

grpcio's server wakes threads and an event loop several times for each call: with requests of 32 spans that is
a third of what they cost, or more. Its calls look the same to the handlers (`grpc_calls`), so where the native part is
not installed grpcio serves them.
"""

from stepscope_collector.receive.http2.server import Http2Server

__all__ = ["Http2Server"]
