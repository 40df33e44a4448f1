-- Executions that lost log records to limits.execution_log_records or limits.execution_log_bytes (R090).
create or replace view log_drops as
with limited_traces as (
    select distinct trace_id, execution_id
    from stored.traces
    where trace_id in (select trace_id from stored.log_drops)
)
select
    coalesce(d.execution_id, t.execution_id, trace_hex(d.trace_id)) as execution_id, -- varchar: execution; all of those that share a trace whose records name none
    sum(d.dropped_count)::ubigint as logs_dropped, -- ubigint: log records that were refused
    min(d.first_dropped_at) as first_dropped_at,   -- timestamp_ns: commit of the first of them
    max(d.last_dropped_at) as last_dropped_at      -- timestamp_ns: commit of the newest
from stored.log_drops d
left join limited_traces t on t.trace_id = d.trace_id
group by 1
