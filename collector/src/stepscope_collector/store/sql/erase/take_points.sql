-- Removes the data points that name the executions in `erasing`. UTC: $since, $until, bounds of
-- their commits; $later: those committed later, too.
delete from stored.metric_points
where (ingested_at between $since and $until or ingested_at >= $later)
    and execution_id in (select execution_id from erasing)
