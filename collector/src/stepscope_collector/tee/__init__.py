"""The tee: everything received is sent on to other OTLP endpoints, from a queue on disk."""

from stepscope_collector.tee.at_rest import QueueAtRest
from stepscope_collector.tee.erase import Deleted
from stepscope_collector.tee.journal import Record
from stepscope_collector.tee.tee import Tee

__all__ = ["Deleted", "QueueAtRest", "Record", "Tee"]
