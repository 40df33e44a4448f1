-- One execution as design 000 kept it. $id: its id. Columns: those of compat_000.workflow_executions.
select * from compat_000.workflow_executions where id = $id order by id
