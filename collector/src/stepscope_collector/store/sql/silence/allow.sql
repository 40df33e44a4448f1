-- Allows what stands in stored.{table} of the executions $execution_ids as much silence as $limits (ns) says, one for
-- each. Of what has ended nobody asks.
update stored.{table} t
set silence_ns = l.limit_ns
from (
    select unnest($execution_ids::varchar[]) as execution_id, unnest($limits::ubigint[]) as limit_ns
) l
where l.execution_id = t.execution_id
