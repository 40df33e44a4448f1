-- Design 001: SQLite tables and indexes of the editor before Stepscope.
create table executions (
    id text primary key, workflow_id text, workflow_name text, status text, started_at text,
    completed_at text, duration_ms integer, trigger_type text, trigger_data text,
    error_message text, error_stack text, error_node_id text, created_at text
);
create table node_executions (
    id integer primary key, execution_id text references executions (id), node_id text,
    node_name text, node_type text, status text, started_at text, completed_at text,
    duration_ms integer, input text, output text, error_message text, error_stack text
);
create index executions_by_workflow on executions (workflow_id);
create index executions_by_start on executions (started_at desc);
create index executions_by_status on executions (status);
create index nodes_by_execution on node_executions (execution_id);
