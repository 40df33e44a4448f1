-- One row per execution, kept by a merge that is associative, commutative and idempotent: minima,
-- maxima, and for the outcome the final span that ended last. Order and duplicates cannot matter.
create table if not exists stored.executions (
    execution_id varchar not null,
    dialect varchar,
    service_name varchar,
    workflow_id varchar,
    workflow_name varchar,
    workflow_version varchar,
    project varchar,
    trigger_type varchar,
    user_id varchar,
    tags varchar,                          -- JSON array
    parent_execution_id varchar,
    root_execution_id varchar,
    started_unix_nano ubigint,             -- least start of the execution's own spans, null: none seen
    first_unix_nano ubigint not null,      -- least start of all its spans
    last_seen_unix_nano ubigint not null,  -- newest sign of life of all its spans
    last_start_unix_nano ubigint not null, -- greatest start of all its spans: bound for scans
    final_end_unix_nano ubigint,           -- end of the winning final span, null: not ended
    final_start_unix_nano ubigint,         -- its start
    final_span_id ubigint,
    trace_id uuid,                         -- trace of the winning span, else of any
    status varchar,                        -- of the winning final span
    status_native varchar,
    error_type varchar,
    error_message varchar,
    exit_code integer,
    attempt_count ubigint not null,        -- finished step attempts
    failed_attempt_count ubigint not null,
    span_count ubigint not null,           -- finished spans of every role
    ingested_at timestamp_ns not null,     -- first commit
    updated_at timestamp_ns not null       -- newest commit
)
