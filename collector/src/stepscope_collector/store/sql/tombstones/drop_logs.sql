-- Removes the log records of deleted executions that the commit of $now (UTC) has stored.
delete from stored.log_records l
where ingested_at = $now
    and (
        cast(md5(execution_id) as uuid) in (select execution_hash from stored.tombstones)
        or (execution_id is null and exists (
            from stored.tombstones t
            where t.trace_hash = cast(md5(trace_hex(l.trace_id)) as uuid)
                and (t.is_whole or list_contains(t.span_ids, l.span_id))
        ))
    )
