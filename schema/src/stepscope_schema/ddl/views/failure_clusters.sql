-- One row per kind of failure: how often, since when, and how far it spreads. Members: view failures.
create or replace view failure_clusters as
select
    fingerprint,          -- varchar: identity of the kind, see macro error_fingerprint
    any_value(error_type) as error_type, -- varchar: class of the error
    any_value(normal_message(error_message)) as error_message, -- varchar: its message without what differs, see macro normal_message
    any_value(frames) as frames, -- varchar[]: up to three frames nearest to where it arose; empty: no stack
    count(*) as count,    -- bigint: failures
    count_if(failed_at > now()::timestamp_ns - interval 24 hours)::bigint as day_count, -- bigint: those of the last 24 hours
    count(distinct execution_id) as execution_count, -- bigint: executions they happened in
    count(distinct workflow_id) as workflow_count, -- bigint: workflows
    count(distinct host_name) as host_count, -- bigint: hosts that are told
    list_sort(list(distinct workflow_id)) as workflows, -- varchar[]: the workflows
    coalesce(list_sort(list(distinct step_name) filter (step_name is not null)), []) as steps, -- varchar[]: the steps; empty: in no step
    coalesce(list_sort(list(distinct workflow_version) filter (workflow_version is not null)), []) as versions, -- varchar[]: versions of the workflows
    coalesce(list_sort(list(distinct host_name) filter (host_name is not null)), []) as hosts, -- varchar[]: the hosts that are told
    min(failed_at) as first_seen_at, -- timestamp_ns: the first
    max(failed_at) as last_seen_at, -- timestamp_ns: the newest
    arg_max(execution_id, (failed_at, execution_id)) as last_execution_id, -- varchar: execution of the newest
    arg_max(error_message, (failed_at, execution_id)) as last_error_message -- varchar: message of the newest, as it was sent
from failures
group by fingerprint
