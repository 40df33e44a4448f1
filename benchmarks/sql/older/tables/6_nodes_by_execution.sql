-- Design 001: its index.
create index nodes_by_execution on node_executions (execution_id);
