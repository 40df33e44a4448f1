-- The open span of each execution that still runs.
insert into stored.open_spans by name
select
    any_trace_id as trace_id,
    hash(execution_id, 'span', 0) as span_id,
    0 as parent_span_id,
    workflow_name as name,
    started_unix_nano as start_time_unix_nano,
    last_seen_unix_nano,
    dialect,
    'execution' as role,
    execution_id,
    ingested_at
from stored.executions
where final_end_unix_nano is null
order by started_unix_nano
