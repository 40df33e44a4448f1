-- The begin of a statement: judged, all executions that have ended and are not pinned, and what the limits say of each.
-- No CTE is kept that holds all of them; a limit of a count is known by the oldest that stays.
-- $now: ns. $max_age, $failed_age, $slow_age, $sample_age, $payload_age: seconds, 0: no limit. $max_count: 0: all.
-- $sample_percent. $rule_numbers, $rule_workflows, $rule_statuses, $rule_ages, $rule_counts,
-- $rule_payload_ages: the rules, null: as for all. $has_counts: whether any limit is a count. $workflow: only such.
-- Columns: number (of the row), execution_id, workflow_id, rule (null: none), first_unix_nano, last_start_unix_nano,
-- span_count, own_reason (age, count; null: none), turn (what is removed first has the least), are_payloads_due.
with rules as (
    select
        unnest($rule_numbers::int[]) as rule, unnest($rule_workflows::varchar[]) as workflow,
        unnest($rule_statuses::varchar[]) as statuses, unnest($rule_ages::bigint[]) as max_age,
        unnest($rule_counts::bigint[]) as max_count,
        unnest($rule_payload_ages::bigint[]) as payload_age
),
-- As the view executions says it: to join that would take a table of all ids.
named as not materialized (
    select
        rowid as number, execution_id, span_count, duration_ns, started_at,
        first_unix_nano, last_start_unix_nano,
        coalesce(workflow_id, workflow_name, 'unknown') as workflow_id,
        case when final_end_unix_nano is not null then coalesce(status, 'unknown')
            when started_unix_nano is null and coalesce(dialect, 'otel') = 'otel'
                then live_status(last_seen_unix_nano, silence_ns, 'unknown')
            else open_status(status, last_seen_unix_nano, silence_ns, 'lost') end as status,
        cast(coalesce(nullif(final_end_unix_nano, 0), last_seen_unix_nano) as hugeint) as ended
    from stored.executions
),
finished as not materialized (
    select *
    from named
    where status not in ('queued', 'running', 'waiting', 'retrying')
        and workflow_id glob $workflow
        and execution_id not in (select execution_id from stored.pins)
),
-- The first rule that fits.
ruled as materialized (
    select k.workflow_id, k.status, min(r.rule) as rule
    from (select distinct workflow_id, status from finished where len($rule_numbers) > 0) k
    join rules r on k.workflow_id glob r.workflow
        and (r.statuses = '' or list_contains(string_split(r.statuses, ','), k.status))
    group by all
),
limited as not materialized (
    select
        f.*, coalesce(k.rule, -1) as rule,
        coalesce(r.max_age, $max_age) as max_age,
        coalesce(r.max_count, $max_count) as max_count,
        coalesce(r.payload_age, $payload_age) as payload_age
    from finished f
    left join ruled k on k.workflow_id = f.workflow_id and k.status = f.status
    left join rules r on r.rule = k.rule
),
oldest as materialized (
    select workflow_id, rule, started_at, number
    from (
        select
            workflow_id, rule, started_at, number, max_count,
            row_number() over (
                partition by workflow_id, rule order by started_at desc nulls last, number
            ) as place
        from limited
        where $has_counts and max_count > 0
    )
    where place = max_count
),
slow as materialized (
    select workflow_id, approx_quantile(duration_ns, 0.99) as least
    from finished
    where $slow_age > 0
    group by workflow_id
),
judged as not materialized (
    select
        l.number, l.execution_id, l.workflow_id, nullif(l.rule, -1) as rule,
        l.first_unix_nano, l.last_start_unix_nano, l.span_count,
        l.ended > $now::hugeint - 1000000000::hugeint * greatest(
            case when l.status in ('failed', 'timed_out') then $failed_age else 0 end,
            case when l.duration_ns >= s.least then $slow_age else 0 end,
            case when $sample_age > 0 and l.status = 'success'
                    and md5_number_lower(l.execution_id) % 100 < $sample_percent
                then $sample_age else 0 end
        ) as is_kept,
        case
            when is_kept then null
            when l.max_age > 0 and l.ended < $now::hugeint - 1000000000::hugeint * l.max_age then 'age'
            when o.number is not null and (
                coalesce(l.started_at < o.started_at, l.started_at is null and o.started_at is not null)
                or (l.started_at is not distinct from o.started_at and l.number > o.number)
            ) then 'count'
        end as own_reason,
        l.ended + 18446744073709551616::hugeint
            * case when own_reason is not null then 0 when is_kept then 2 else 1 end as turn,
        l.payload_age > 0 and not is_kept and own_reason is null
            and l.ended < $now::hugeint - 1000000000::hugeint * l.payload_age as are_payloads_due
    from limited l
    left join oldest o on o.workflow_id = l.workflow_id and o.rule = l.rule
    left join slow s on s.workflow_id = l.workflow_id
)
