-- What the spans of the source say about their executions, one row each, as temporary table
-- `folded`. Minima, maxima, and as outcome the final span that ended last (ties: greatest span
-- id): associative, commutative and idempotent. Counts add up because stored spans are unique.
create or replace temp table folded as
select
    execution_id,
    max(dialect) filter (role in ('execution', 'step')) as dialect,
    max(service_name) filter (role = 'execution') as service_name,
    max(workflow_id) as workflow_id,
    max(workflow_name) as workflow_name,
    max(workflow_version) as workflow_version,
    max(project) as project,
    max(trigger_type) as trigger_type,
    max(user_id) as user_id,
    max(tags) as tags,
    max(parent_execution_id) as parent_execution_id,
    max(root_execution_id) as root_execution_id,
    min(begun_unix_nano) filter (role = 'execution' and begun_unix_nano > 0) as started_unix_nano,
    min(queued_unix_nano) filter (role = 'execution' and queued_unix_nano > 0)
        as queued_unix_nano,
    min(begun_unix_nano) as first_unix_nano,
    max(seen_unix_nano) as last_seen_unix_nano,
    max(start_time_unix_nano) as last_start_unix_nano,
    max(trace_id) as any_trace_id,
    arg_max(
        struct_pack(
            end_unix_nano := end_time_unix_nano,
            start_unix_nano := start_time_unix_nano,
            trace_id := trace_id,
            span_id := span_id,
            status := status,
            status_native := status_native,
            error_type := error_type,
            error_message := error_message,
            exit_code := exit_code
        ),
        (end_time_unix_nano, span_id)
    ) filter (role = 'execution' and is_final) as final,
    count(*) filter (role = 'step' and is_final) as attempt_count,
    count(*) filter (role = 'step' and is_final and status in ('failed', 'timed_out'))
        as failed_attempt_count,
    count(*) filter (is_final) as span_count
from {source}
group by execution_id
