-- Gives the spans in `moved` to the execution they belong to, with their role in it.
update stored.spans s
set execution_id = m.execution_id, role = m.role, step_id = m.step_id, step_name = m.step_name,
    status = m.status
from moved m
where s.rowid = m.row_id
