-- Log records that were refused because their execution had as many as the limits allow (R090). One row
-- per execution, or per trace of records that name none.
create table if not exists stored.log_drops (
    execution_id varchar,                 -- attribute workflow.execution.id, null: the records name none
    trace_id uuid,                        -- their trace where they name no execution, else null
    dropped_count ubigint not null,       -- log records
    first_dropped_at timestamp_ns not null, -- UTC, commit of the first of them
    last_dropped_at timestamp_ns not null -- commit of the newest
)
