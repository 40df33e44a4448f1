-- Executions that retention leaves alone, whatever its rules say.
create table if not exists stored.pins (
    execution_id varchar not null,    -- the execution
    pinned_at timestamp_ns not null   -- UTC
)
