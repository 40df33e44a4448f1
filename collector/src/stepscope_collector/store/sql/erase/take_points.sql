-- Removes the data points that name the executions in `erasing`. $since, $until: UTC, bounds of
-- their commits.
delete from stored.metric_points
where ingested_at between $since and $until
    and execution_id in (select execution_id from erasing)
