"""The collector of Stepscope: OTLP in, a DuckDB file in the middle, answers out.

Data flows one way: receive, decode, mapping, store, query, present. `ingest` is the write
path on one page and `service` the whole process on one page. Importing this package loads
no server and no database engine.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
