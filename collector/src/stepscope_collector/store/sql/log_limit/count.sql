-- How much of each execution the registered batch `incoming_logs` holds; records that name no execution
-- count for their trace.
-- Columns: key (execution id, else trace id in hex), row_count, size_bytes (of bodies and attributes as text).
select
    coalesce(execution_id, trace_hex(trace_id)) as key,
    count(*) as row_count,
    sum(coalesce(strlen(body), 0) + coalesce(strlen(cast(attributes as varchar)), 0))::bigint as size_bytes
from incoming_logs
where execution_id is not null or trace_id is not null
group by key
order by key
