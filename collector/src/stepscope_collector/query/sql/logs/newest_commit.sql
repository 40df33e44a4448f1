-- The newest commit with log records or spans that may belong to one execution, after another commit.
-- $execution_id: the execution; $since_ns: the other commit, 0: none.
-- Columns: newest_ns (nanoseconds since the epoch), null: there is none.
select epoch_ns(max(ingested_at)) as newest_ns
from (
    select ingested_at
    from stored.log_records
    where ingested_at > make_timestamp_ns(cast($since_ns as bigint))
        and (execution_id = $execution_id or execution_id is null)
    union all
    select ingested_at
    from stored.spans
    where ingested_at > make_timestamp_ns(cast($since_ns as bigint))
        and execution_id = $execution_id
)
order by newest_ns
