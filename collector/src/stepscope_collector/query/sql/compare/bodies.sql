-- Digests of what the steps of an execution were given and gave back, to tell whether it is the same.
-- $execution_id: the execution; $first_unix_nano, $last_start_unix_nano: see executions/locate.sql.
-- Columns: span_id (hex), kind (input or output), digest.
select
    span_hex(span_id) as span_id,
    kind,
    md5(string_agg(key || chr(31) || coalesce(sha256, md5(body)), chr(30) order by key)) as digest
from stored.payloads
where execution_id = $execution_id
    and start_time_unix_nano >= cast($first_unix_nano as ubigint)
    and start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
    and kind in ('input', 'output')
    and live_phase is null
group by span_id, kind
order by span_id, kind
