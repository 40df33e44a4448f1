-- Notes that the executions of the spans in `moved` touch their traces, and when: they may start
-- before and after all other spans of the execution.
insert into stored.traces by name
select
    trace_id,
    execution_id,
    false as has_explicit,
    true as has_implicit,
    trace_id in (select trace_id from folding) as has_folded,
    min(start_time_unix_nano) as first_start_unix_nano,
    max(start_time_unix_nano) as last_start_unix_nano
from moved
group by trace_id, execution_id
