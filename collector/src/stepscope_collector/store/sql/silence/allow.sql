-- Allows what stands in stored.{table} of the executions in `silence_limits` so much silence. Of what
-- has ended nobody asks.
update stored.{table} t
set silence_ns = l.limit_ns
from silence_limits l
where l.execution_id = t.execution_id
