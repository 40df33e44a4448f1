-- What was deleted when somebody asked, so that late spans, log records and points do not bring it
-- back. One row per trace of a deleted execution; ids are hashed, for nothing of it is to stay.
create table if not exists stored.tombstones (
    execution_hash uuid not null,       -- MD5 of the id of the execution
    trace_hash uuid,                    -- MD5 of the id of a trace it was in as 32 hex digits, null: none
    is_whole boolean not null,          -- the trace held nothing else
    span_ids ubigint[],                 -- its spans in a trace that holds others, too
    deleted_at timestamp_ns not null,   -- UTC
    ends_at timestamp_ns not null       -- UTC, when it may be forgotten
)
