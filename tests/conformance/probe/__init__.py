"""Checks of the OTLP checklist that any server can be asked, from outside; `python -m tests.conformance.probe`.

A check is written once: the test suite runs it against our collector, where it also looks into
the store (`test_checks.py`), and the command runs it against any address.
"""
