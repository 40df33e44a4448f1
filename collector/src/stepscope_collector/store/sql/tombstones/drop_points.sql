-- Removes the data points that name deleted executions and that the commit of $now (UTC) has stored.
delete from stored.metric_points
where ingested_at = $now
    and cast(md5(execution_id) as uuid) in (select execution_hash from stored.tombstones)
