-- A resource attribute of the spans of some executions.
-- $ids: the executions; $path: its key; $first_unix_nano, $last_start_unix_nano: see bounds.sql.
-- Columns: execution_id, span_id (hex), value, start_time_unix_nano; in order of the spans' start.
select
    s.execution_id,
    span_hex(s.span_id) as span_id,
    r.attributes[$path] as value,
    s.start_time_unix_nano
from stored.spans s
join stored.resources r using (resource_id)
where s.execution_id in (select unnest($ids))
    and s.start_time_unix_nano >= cast($first_unix_nano as ubigint)
    and s.start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
    and r.attributes[$path] is not null
order by s.start_time_unix_nano, s.span_id
