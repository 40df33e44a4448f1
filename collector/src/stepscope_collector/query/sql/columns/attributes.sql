-- An attribute of the spans of some executions.
-- $ids: the executions; $path: its key; $first_unix_nano, $last_start_unix_nano: see bounds.sql.
-- Columns: execution_id, span_id (hex), value; in order of the spans' start.
select execution_id, span_hex(span_id) as span_id, attributes[$path] as value
from stored.spans
where execution_id in (select unnest($ids))
    and start_time_unix_nano >= cast($first_unix_nano as ubigint)
    and start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
    and attributes[$path] is not null
order by start_time_unix_nano, span_id
