-- An attribute of the spans of some executions. Where the key has a column of its own, the expression
-- for it stands in the place of the mark (query/filter/homes.py).
-- $ids: the executions; $path: its key; $first_unix_nano, $last_start_unix_nano: see bounds.sql.
-- Columns: execution_id, span_id (hex), value, start_time_unix_nano; in order of the spans' start.
select
    s.execution_id,
    span_hex(s.span_id) as span_id,
    coalesce(s.attributes[$path], null /* home */) as value,
    s.start_time_unix_nano
from stored.spans s
where s.execution_id in (select unnest($ids))
    and s.start_time_unix_nano >= cast($first_unix_nano as ubigint)
    and s.start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
    and value is not null
order by s.start_time_unix_nano, s.span_id
