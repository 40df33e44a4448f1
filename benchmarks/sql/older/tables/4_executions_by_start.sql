-- Design 001: its index.
create index executions_by_start on executions (started_at desc);
