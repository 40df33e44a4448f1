-- Parameters of each execution from $first_ns on, before $last_ns (bounds on its start).
insert into stored.payloads by name
select
    execution_id,
    any_trace_id as trace_id,
    hash(execution_id, 'span', 0) as span_id,
    started_unix_nano as start_time_unix_nano,
    'params' as kind,
    'stepscope.params' as key,
    'application/json' as media_type,
    format('{{"customer": "{}", "region": "eu-{}"}}', hash(execution_id) % 100000, hash(execution_id) % 5) as body,
    strlen(body) as size_bytes,
    false as is_truncated,
    ingested_at
from stored.executions
where started_unix_nano >= $first_ns and started_unix_nano < $last_ns
order by started_unix_nano
