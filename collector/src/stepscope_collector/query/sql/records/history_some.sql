-- Executions as design 002 kept them. $ids: theirs. Columns: those of compat_002.executions.
select *
from compat_002.executions
where id in (select unnest($ids::varchar[]))
order by id
