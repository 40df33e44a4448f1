-- The steps of an execution as design 000 kept them. $id: the execution.
-- Columns: those of compat_000.execution_steps.
select * from compat_000.execution_steps where execution_id = $id order by step_index, id
