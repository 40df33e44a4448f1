-- Notes which executions the staged traces touch, and when.
insert into stored.traces by name
select
    trace_id,
    execution_id,
    bool_or(is_explicit) as has_explicit,
    bool_or(not is_explicit) as has_implicit,
    trace_id in (select trace_id from folding) as has_folded,
    min(start_time_unix_nano) as first_start_unix_nano,
    max(start_time_unix_nano) as last_start_unix_nano
from staged
group by trace_id, execution_id
