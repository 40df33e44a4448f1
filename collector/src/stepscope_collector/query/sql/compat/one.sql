-- One execution as design 001 kept it. $id: its id. Columns: those of compat_001.executions.
select * from compat_001.executions where id = $id order by id
