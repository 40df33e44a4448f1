-- How much is stored of executions that may still log: of those that go on, that something came of since
-- $since (UTC), and that have lost records before. $is_sized: also count bytes.
-- Columns: as count.sql.
with keys as (
    select execution_id, trace_hex(any_trace_id) as trace_id, ingested_at
    from stored.executions
    where final_end_unix_nano is null or updated_at >= $since
    union all
    select execution_id, trace_hex(trace_id), make_timestamp_ns(0)
    from stored.log_drops
), wanted as (
    select execution_id as key from keys where execution_id is not null
    union
    select trace_id from keys where trace_id is not null
)
select
    coalesce(execution_id, trace_hex(trace_id)) as key,
    count(*) as row_count,
    sum(case when $is_sized
        then coalesce(strlen(body), 0) + coalesce(strlen(cast(attributes as varchar)), 0)
        else 0 end)::bigint as size_bytes
from stored.log_records
where ingested_at >= (select coalesce(min(ingested_at), $since) - interval 1 hour from keys)
    and coalesce(execution_id, trace_hex(trace_id)) in (select key from wanted)
group by key
order by key
