-- One row per execution of every engine, running ones included.
create or replace view executions as
select
    execution_id,                                                    -- varchar: identity: the id a span named, else the trace id in hex
    coalesce(workflow_id, workflow_name, 'unknown') as workflow_id,   -- varchar: stable identity of the workflow; its name when it has none
    coalesce(workflow_name, workflow_id, 'unknown') as workflow_name, -- varchar: name of the workflow
    execution_name,            -- varchar: the sender's own name for this execution; null: none
    workflow_version,          -- varchar: version of the workflow's definition
    project,                   -- varchar: project the workflow belongs to
    coalesce(dialect, 'otel') as dialect, -- varchar: profile that mapped the spans: stepscope, otel or an engine's name
    service_name,              -- varchar: service.name of the sender
    trigger_type,              -- varchar: what started it (R007), open vocabulary
    user_id,                   -- varchar: who it runs for (R098)
    session_id,                -- varchar: session or conversation it belongs to
    try_cast(tags as json) as tags, -- json: list of tags
    case when final_end_unix_nano is not null then coalesce(status, 'unknown')
        when started_unix_nano is null and coalesce(dialect, 'otel') = 'otel'
            then live_status(last_seen_unix_nano, silence_ns, 'unknown')
        else open_status(status, last_seen_unix_nano, silence_ns, 'lost') end as status, -- varchar: canonical status; running turns into lost after silence
    status_native,             -- varchar: the sender's own word for the status
    time_of(queued_unix_nano) as queued_at, -- timestamp_ns: when it was queued; null: not told
    duration_of(queued_unix_nano, started_unix_nano) as wait_ns, -- bigint: from there to its start; null: not queued, not started, or queued after the start
    started_at,                -- timestamp_ns: start; null: sent as 0 or beyond the year 2262
    ended_at,                  -- timestamp_ns: end; null while it has not ended
    duration_ns,               -- bigint: from start to end; null while it has not ended, or the end is before the start
    time_of(last_seen_unix_nano) as last_seen_at, -- timestamp_ns: newest sign of life
    error_type,                -- varchar: class of the error that ended it
    error_message,             -- varchar: message of that error
    exit_code,                 -- integer: exit code of the process it stood for (R062)
    parent_execution_id,       -- varchar: execution that started this one; null: none
    retry_of_execution_id,     -- varchar: execution that it runs again; null: none
    continued_from_execution_id, -- varchar: execution whose work it goes on with; null: none
    try_count,                 -- integer: tries of the whole execution that were told; null: none
    coalesce(root_execution_id, execution_id) as root_execution_id, -- varchar: top of the tree of executions; its own id at the top
    trace_hex(coalesce(final_trace_id, any_trace_id)) as trace_id,     -- varchar: trace of the span that ended it, else one of its traces; 32 hex digits
    span_hex(final_span_id) as span_id,  -- varchar: span that ended it; 16 hex digits, null while it has not ended
    attempt_count,             -- ubigint: ended step attempts
    failed_attempt_count,      -- ubigint: those of them that failed or timed out
    span_count,                -- ubigint: ended spans of every role
    ingested_at,               -- timestamp_ns: when the first of it was committed
    updated_at                 -- timestamp_ns: when the newest of it was committed
from stored.executions
