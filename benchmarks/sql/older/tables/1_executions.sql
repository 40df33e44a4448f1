-- Design 001: executions, of the SQLite store of the editor before Stepscope.
create table executions (
    id text primary key, workflow_id text, workflow_name text, status text, started_at text,
    completed_at text, duration_ms integer, trigger_type text, trigger_data text,
    error_message text, error_stack text, error_node_id text, created_at text
);
