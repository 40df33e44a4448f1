-- What there is beside the spans of one execution, in one statement: mostly next to nothing, and a statement for each
-- takes 2 ms instead of 1.
-- $execution_id: the execution; $first_unix_nano: see locate.sql; $dialect: of the execution, null: none.
-- Columns: what (open: its tries that go on; folded: those that several spans or events tell; dropped: executions and
-- traces of which log records were refused, this one or another; profile: of its dialect), count, told (JSON of the
-- profile; else null).
select 'open' as what, count(*) as count, cast(null as varchar) as told
from stored.open_spans
where execution_id = $execution_id and role = 'step'
union all
select 'folded', count(*), null
from stored.attempts
where execution_id = $execution_id and started_unix_nano >= cast($first_unix_nano as ubigint)
union all
select 'dropped', count(*), null
from stored.log_drops
union all
select 'profile', 1, told
from stored.profiles
where name = $dialect
