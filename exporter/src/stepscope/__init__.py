"""Instrumentation for workflows: executions and steps as OpenTelemetry spans.

Importing this package loads the OpenTelemetry API and nothing heavier: no SDK, no gRPC,
no DuckDB. Nothing here may raise into, or block, the program that is watched.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
