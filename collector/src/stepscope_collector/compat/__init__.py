"""Documents and records of the designs before Stepscope, as spans of our own dialect.

    document.py   what design 001 posts → records
    record.py     an execution and its steps, whatever wrote them
    spans.py      records → an OTLP request, the same bytes for the same records

From there on they are requests like any other. Opens nothing and asks no clock.
"""
