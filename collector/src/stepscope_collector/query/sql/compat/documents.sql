-- Executions as design 001 kept them, each with its nodes as a list. $ids: which; a list and no subquery, so
-- that the filter reaches the tables. Columns: those of compat_001.executions, and nodes.
with nodes as (
    select
        execution_id,
        list(struct_pack(
            node_id := node_id, node_name := node_name, node_type := node_type, status := status,
            started_at := started_at, completed_at := completed_at, duration_ms := duration_ms,
            input := input, output := output, error_message := error_message, error_stack := error_stack
        ) order by id) as nodes
    from compat_001.node_executions
    where list_contains($ids::varchar[], execution_id)
    group by execution_id
)
select e.*, n.nodes
from compat_001.executions e
left join nodes n on n.execution_id = e.id
where list_contains($ids::varchar[], e.id)
order by e.started_at desc, e.id desc
