-- Removes rows of stored.log_records or stored.metric_points ({table}) that no stored execution owns and
-- that were committed before $before (UTC), the first $most.
delete from stored.{table}
where rowid in (
    select o.rowid
    from stored.{table} o
    where o.ingested_at < $before
        and (o.execution_id is null
            or o.execution_id not in (select execution_id from stored.executions))
        and {is_in_no_trace}
    order by o.rowid
    limit $most
)
