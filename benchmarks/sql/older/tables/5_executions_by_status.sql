-- Design 001: its index.
create index executions_by_status on executions (status);
