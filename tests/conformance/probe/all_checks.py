"""Every check of the probe, in the order of the checklist."""

from importlib import import_module

from tests.conformance.probe.check import CHECKS

__all__ = ["CHECKS"]

for _module in ("rows_c", "rows_g", "rows_h", "rows_j"):
    import_module(f"tests.conformance.probe.{_module}")
