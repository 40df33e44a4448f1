-- The trace of each execution from $first_ns on, before $last_ns (bounds on its start).
insert into stored.traces by name
select
    any_trace_id as trace_id,
    execution_id,
    true as has_explicit,
    false as has_implicit,
    first_unix_nano as first_start_unix_nano,
    last_start_unix_nano
from stored.executions
where started_unix_nano >= $first_ns and started_unix_nano < $last_ns
order by first_unix_nano
