-- Executions as design 000 kept them. $ids: which; a list and no subquery, so that the filter reaches the
-- tables. Columns: those of compat_000.workflow_executions.
select * from compat_000.workflow_executions where list_contains($ids::varchar[], id) order by id
