-- One page of executions. Repeats view executions with two bounds by which scans skip row groups.
-- The filter compiler puts bounds, conditions and order in the place of the marks.
-- $limit: rows at most; $offset: rows to pass over.
-- Columns: those of view executions, times in nanoseconds since the epoch (UTC).
with e as (
    select
        execution_id,
        coalesce(workflow_id, workflow_name, 'unknown') as workflow_id,
        coalesce(workflow_name, workflow_id, 'unknown') as workflow_name,
        workflow_version,
        project,
        coalesce(dialect, 'otel') as dialect,
        service_name,
        trigger_type,
        user_id,
        try_cast(tags as json) as tags,
        case when final_end_unix_nano is not null then coalesce(status, 'unknown')
            when started_unix_nano is null and coalesce(dialect, 'otel') = 'otel'
                then live_status(last_seen_unix_nano, 'unknown')
            else live_status(last_seen_unix_nano, 'lost') end as status,
        status_native,
        time_of(coalesce(started_unix_nano, first_unix_nano)) as started_at,
        time_of(final_end_unix_nano) as ended_at,
        duration_of(coalesce(started_unix_nano, first_unix_nano), final_end_unix_nano) as duration_ns,
        time_of(last_seen_unix_nano) as last_seen_at,
        error_type,
        error_message,
        exit_code,
        parent_execution_id,
        coalesce(root_execution_id, execution_id) as root_execution_id,
        trace_hex(coalesce(final_trace_id, any_trace_id)) as trace_id,
        span_hex(final_span_id) as span_id,
        attempt_count,
        failed_attempt_count,
        span_count,
        ingested_at,
        updated_at,
        first_unix_nano,       -- not after the start
        last_start_unix_nano   -- not before the start
    from stored.executions
)
select * exclude (first_unix_nano, last_start_unix_nano) replace (
    epoch_ns(started_at) as started_at,
    epoch_ns(ended_at) as ended_at,
    epoch_ns(last_seen_at) as last_seen_at,
    epoch_ns(ingested_at) as ingested_at,
    epoch_ns(updated_at) as updated_at
)
from e
where true /* bounds */ and true /* filter */
order by execution_id /* order */
limit $limit offset $offset
