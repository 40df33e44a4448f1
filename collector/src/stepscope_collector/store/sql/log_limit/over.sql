-- Which records of the registered batch `incoming_logs` are beyond the limits: of each execution all from
-- the first one on that has no room. $keys: executions (see count.sql); $rows, $sizes: room of each.
-- $is_sized: also count bytes.
-- Columns: place (in the batch, from 0), execution_id, trace_id (hex; null where it names an execution).
with rooms as (
    select unnest($keys) as key, unnest($rows) as row_room, unnest($sizes) as size_room
), numbered as (
    select
        row_number() over () - 1 as place,
        execution_id,
        trace_id,
        coalesce(execution_id, trace_hex(trace_id)) as key,
        case when $is_sized
            then coalesce(strlen(body), 0) + coalesce(strlen(cast(attributes as varchar)), 0)
            else 0 end as size_bytes
    from incoming_logs
), summed as (
    select
        n.*, r.row_room, r.size_room,
        row_number() over (partition by key order by place) as row_count,
        sum(size_bytes) over (partition by key order by place) as summed_bytes
    from numbered n
    join rooms r using (key)
)
select
    place,
    execution_id,
    case when execution_id is null then trace_hex(trace_id) end as trace_id
from summed
where row_count > row_room or summed_bytes > size_room
order by place
