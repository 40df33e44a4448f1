-- Two log records for each execution from $first_ns on, before $last_ns (bounds on its start).
insert into stored.log_records by name
select
    started_unix_nano + k * 1000000 as time_unix_nano,
    started_unix_nano + k * 1000000 as observed_time_unix_nano,
    9 as severity_number,
    'INFO' as severity_text,
    format('message {} of {}', k, workflow_name) as body,
    0 as dropped_attributes_count,
    0 as flags,
    any_trace_id as trace_id,
    hash(execution_id, 'span', k + 1) as span_id,
    1 as resource_id,
    1 as scope_id,
    case when hash(execution_id) % 2 = 0 then execution_id end as execution_id,
    case when hash(execution_id) % 2 = 0 then execution_key end as execution_key,
    case when hash(execution_id) % 2 = 0 then k end as sequence,
    ingested_at
from stored.executions, range(2) as t(k)
where started_unix_nano >= $first_ns and started_unix_nano < $last_ns
order by time_unix_nano
