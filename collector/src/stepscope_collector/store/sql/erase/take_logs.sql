-- Removes the log records of the executions in `erasing`: those that name them, and those of their
-- spans and traces that name none. UTC: $since, $until, bounds of their commits; $later: those committed later, too.
delete from stored.log_records
where (ingested_at between $since and $until or ingested_at >= $later)
    and (
        execution_id in (select execution_id from erasing)
        or (execution_id is null and (trace_id in (select trace_id from whole_traces)
            or (trace_id, span_id) in (select (trace_id, span_id) from erased_spans)))
    )
