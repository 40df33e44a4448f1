-- Gives the spans in `moved` to the execution they belong to, as inner operations of its steps.
update stored.spans s
set execution_id = m.execution_id, role = 'operation'
from moved m
where s.rowid = m.row_id
