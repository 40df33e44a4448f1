-- Where a chunk of log records ends: never between records of one time.
-- $execution_ids: of the executions the records name, else of their spans; null means all;
-- $first: least time in ns; $rows: records aimed at.
-- Columns: last: greatest time of the chunk in ns, null: there is none.
with next_records as (
    select time_unix_nano
    from stored.log_records
    where time_unix_nano >= cast($first as ubigint)
        and (
            $execution_ids::varchar[] is null
            or execution_id in (select unnest($execution_ids::varchar[]))
            or execution_id is null and (trace_id, span_id) in (
                select (s.trace_id, s.span_id)
                from stored.spans s
                where s.execution_id in (select unnest($execution_ids::varchar[]))
            )
        )
    order by time_unix_nano
    limit $rows
)
select max(time_unix_nano) as last
from next_records
