-- One row per execution, kept by a merge that is associative, commutative and idempotent: minima,
-- maxima, and for the outcome the final span that ended last. Order and duplicates cannot matter.
create table if not exists stored.executions (
    execution_id varchar not null,         -- identity: the id a span named, else the trace id in hex
    execution_key uinteger not null,       -- see macro execution_key: comparing numbers takes a tenth of comparing ids
    dialect varchar,                       -- profile that mapped its spans; a specific one wins over otel
    service_name varchar,                  -- attribute service.name of its resource
    workflow_id varchar,                   -- stable identity of the workflow
    workflow_name varchar,                 -- name of the workflow
    workflow_version varchar,              -- version of the workflow's definition
    project varchar,                       -- project of the workflow
    trigger_type varchar,                  -- what started it (R007), open vocabulary
    user_id varchar,                       -- who it runs for (R098)
    tags varchar,                          -- JSON array
    parent_execution_id varchar,           -- execution that started it
    root_execution_id varchar,             -- top of its tree of executions, null: itself
    started_at timestamp_ns,               -- start as the views show it, kept so that lists prune; null: unknown
    ended_at timestamp_ns,                 -- end as the views show it; null: not ended
    duration_ns bigint,                    -- from start to end as the views show it, kept because most questions are about it
    started_unix_nano ubigint,             -- least start of the execution's own spans, null: none seen
    queued_unix_nano ubigint,              -- when it was queued, null: not told
    first_unix_nano ubigint not null,      -- least start of all its spans
    last_seen_unix_nano ubigint not null,  -- newest sign of life of all its spans
    last_start_unix_nano ubigint not null, -- greatest start of all its spans: bound for scans
    any_trace_id uuid not null,            -- greatest trace id of its spans
    final_end_unix_nano ubigint,           -- end of the winning final span, null: not ended
    final_start_unix_nano ubigint,         -- its start, null: first_unix_nano
    final_trace_id uuid,                   -- its trace id, null: any_trace_id
    final_span_id ubigint,                 -- its span id
    status varchar,                        -- of the winning final span; of an open one queued, waiting or retrying
    status_native varchar,                 -- the sender's own word for status
    error_type varchar,                    -- class of the error that ended it
    error_message varchar,                 -- message of that error
    exit_code integer,                     -- exit code of the process it stood for (R062)
    execution_name varchar,                -- the sender's own name for this execution, null: none
    session_id varchar,                    -- session or conversation it belongs to
    retry_of_execution_id varchar,         -- execution that it runs again
    continued_from_execution_id varchar,   -- execution whose work it goes on with
    try_count integer,                     -- tries of the whole execution that were told, null: none
    is_folded boolean not null default false, -- folded with other spans' contributions, see stored.attempts
    silence_ns ubigint,                    -- how long it may be silent before it counts as lost, null: as long as the setting says
    attempt_count ubigint not null,        -- finished step attempts
    failed_attempt_count ubigint not null, -- those of them that failed or timed out
    span_count ubigint not null,           -- finished spans of every role
    ingested_at timestamp_ns not null,     -- first commit
    updated_at timestamp_ns not null       -- newest commit
)
