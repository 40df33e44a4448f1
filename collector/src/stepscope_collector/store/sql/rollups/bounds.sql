-- Between which starts all spans of the executions in table {executions} lie (ns); null: it has none.
select min(first_unix_nano) as first, max(last_start_unix_nano) as last
from stored.executions
where execution_id in (select execution_id from {executions})
order by first
