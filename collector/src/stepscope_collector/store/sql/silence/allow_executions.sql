-- Allows the executions in `silence_limits` so much silence.
update stored.executions t
set silence_ns = l.limit_ns
from silence_limits l
where l.execution_id = t.execution_id
