-- What there is beside the spans of one execution, in one statement: mostly next to nothing, and a statement for each
-- takes 2 ms instead of 1. A row for each that there is, which is found sooner than it is counted.
-- $execution_id: the execution; $first_unix_nano: see locate.sql; $dialect: of the execution, null: none.
-- Columns: what (open: tries of it that go on; folded: tries that several spans or events tell; dropped: log records
-- of it or of others were refused; profile: of its dialect), told (JSON of the profile; else null).
(
    select 'open' as what, cast(null as varchar) as told
    from stored.open_spans
    where execution_id = $execution_id and role = 'step'
    limit 1
)
union all
(
    select 'folded', null
    from stored.attempts
    where execution_id = $execution_id and started_unix_nano >= cast($first_unix_nano as ubigint)
    limit 1
)
union all
(select 'dropped', null from stored.log_drops limit 1)
union all
select 'profile', told
from stored.profiles
where name = $dialect
