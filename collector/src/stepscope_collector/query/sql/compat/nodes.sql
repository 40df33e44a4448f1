-- Nodes of executions as design 001 kept them, in order. $ids: the executions.
-- Columns: those of compat_001.node_executions.
select * from compat_001.node_executions where execution_id in (select unnest($ids::varchar[])) order by execution_id, id
