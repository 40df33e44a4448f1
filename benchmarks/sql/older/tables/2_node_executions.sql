-- Design 001: nodes of executions.
create table node_executions (
    id integer primary key, execution_id text references executions (id), node_id text,
    node_name text, node_type text, status text, started_at text, completed_at text,
    duration_ms integer, input text, output text, error_message text, error_stack text
);
