-- Stored spans to which the registered table `folded_spans` gives another execution or role than
-- they have, as temporary table `moved`.
create or replace temp table moved as
select
    s.rowid as row_id, s.trace_id, s.span_id, s.start_time_unix_nano, f.execution_id,
    s.execution_id as execution_id_before, f.role,
    case when s.is_folded then f.step_id else s.step_id end as step_id,
    case when s.is_folded then f.step_name when f.role = 'step' then coalesce(s.step_name, s.name)
        else s.step_name end as step_name,
    case when not s.is_folded and f.role = 'step' then coalesce(s.status, 'unknown')
        else s.status end as status
from folded_spans f
join evidence e on e.span_number = f.span_number
join stored.spans s on s.rowid = f.span_number - cast(9223372036854775808 as ubigint)
where f.span_number >= cast(9223372036854775808 as ubigint)
    and (f.execution_id <> e.execution_before or f.role is distinct from e.role
        or (s.is_folded and (f.step_id is distinct from e.step_id
            or f.step_name is distinct from e.step_name)))
