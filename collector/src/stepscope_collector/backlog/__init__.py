"""Requests on disk that are not committed yet, so that their answers need not wait for the commit."""

from stepscope_collector.backlog.backlog import Backlog, Unanswered
from stepscope_collector.backlog.files import has_backlog

__all__ = ["Backlog", "Unanswered", "has_backlog"]
