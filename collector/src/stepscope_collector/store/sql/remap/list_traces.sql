-- The traces $trace_ids and all that share an execution with them, as temporary table `remapping`:
-- what is told of an execution can only be taken out whole.
create or replace temp table remapping as
with recursive reached as (
    select unnest($trace_ids::uuid[]) as trace_id
    union
    select other.trace_id
    from reached r
    join stored.traces t on t.trace_id = r.trace_id
    join stored.traces other on other.execution_id = t.execution_id
)
from reached
