"""The tee: everything received is sent on to other OTLP endpoints, from a queue on disk."""

from stepscope_collector.tee.journal import Record
from stepscope_collector.tee.tee import Tee

__all__ = ["Record", "Tee"]
