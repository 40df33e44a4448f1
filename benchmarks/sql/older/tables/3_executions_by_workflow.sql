-- Design 001: its index.
create index executions_by_workflow on executions (workflow_id);
