"""History of the designs before Stepscope, as requests of our own dialect with the ids and times of then.

sqlite.py      their SQLite databases → rows
documents.py   their JSON documents → rows
rows.py        rows, whatever their columns are called → records
requests.py    records → OTLP requests, the same bytes for the same records
"""
