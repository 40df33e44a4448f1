-- The least time in ns at which anything of the executions of the traces in `remapping` was seen, as
-- in fold/before_bounds.
select least(min(first_unix_nano), cast(epoch_ns(min(ingested_at)) as ubigint)) as first
from stored.executions
where execution_id in (
    select execution_id from stored.traces where trace_id in (select trace_id from remapping)
)
