"""History from files: bundles, OTLP and the databases of older designs, as OTLP requests.

importer.py    a request → the store, between two commits, each row once however often it comes
source.py      a file → what it is, and its requests one after the other
"""
