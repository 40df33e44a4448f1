-- What stands at a path in the payloads of a kind, of some executions, as JSON.
-- $ids: the executions; $kind: params, input or output; $path: a JSON pointer;
-- $first_unix_nano, $last_start_unix_nano: see bounds.sql.
-- Columns: execution_id, span_id (hex), value, start_time_unix_nano; in order of the spans' start.
select
    execution_id,
    span_hex(coalesce(open_span_id, span_id)) as span_id,
    cast(json_extract(case when json_valid(body) then body end, $path) as varchar) as value,
    start_time_unix_nano
from stored.payloads p
where execution_id in (select unnest($ids))
    and start_time_unix_nano >= cast($first_unix_nano as ubigint)
    and start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
    and kind = $kind
    and (live_phase is null
        or (live_phase = 'started' and exists (
            from stored.open_spans o where o.trace_id = p.trace_id and o.span_id = p.open_span_id
        )))
    and value is not null
order by start_time_unix_nano, p.span_id, key
