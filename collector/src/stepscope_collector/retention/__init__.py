"""How long the history is kept, and how it is removed."""

from stepscope_collector.retention.compaction import Compacted
from stepscope_collector.retention.plan import RuleCount
from stepscope_collector.retention.retention import Pruned, Retention

__all__ = ["Compacted", "Pruned", "Retention", "RuleCount"]
