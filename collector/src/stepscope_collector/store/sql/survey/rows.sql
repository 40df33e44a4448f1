-- Between which commits (UTC) the log records and data points came in that belong to the executions $execution_ids,
-- or may; null: there are none. And whether there are rows of theirs, or of their traces, in small tables.
-- $since, $until: UTC, between which commits to look. $first, $last: bounds of the starts in ns.
-- Placeholder materialized: as in erase/list_prunable.
with given as (
    select unnest($execution_ids::varchar[]) as execution_id
), near as {materialized} (
    select trace_id, execution_id
    from stored.traces
    where last_start_unix_nano >= $first and first_start_unix_nano <= $last
), own as materialized (
    select distinct trace_id
    from near
    where execution_id in (select execution_id from given)
), logs as (
    select min(ingested_at) as since, max(ingested_at) as until
    from stored.log_records
    where ingested_at between $since and $until
        and (
            execution_id in (select execution_id from given)
            or (execution_id is null and trace_id in (select trace_id from own))
        )
), points as (
    select min(ingested_at) as since, max(ingested_at) as until
    from stored.metric_points
    where ingested_at between $since and $until
        and execution_id in (select execution_id from given)
)
select
    l.since as logs_since, l.until as logs_until, p.since as points_since, p.until as points_until,
    exists (from stored.attempts where execution_id in (select execution_id from given)) as attempts,
    exists (from stored.open_spans where execution_id in (select execution_id from given)) as open_spans,
    exists (from stored.unfolded_traces where trace_id in (select trace_id from own)) as unfolded_traces,
    exists (from stored.log_drops
        where execution_id in (select execution_id from given)
            or trace_id in (select trace_id from own)) as log_drops
from logs l, points p
