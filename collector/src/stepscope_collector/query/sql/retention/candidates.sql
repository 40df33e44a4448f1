-- Executions whose time is up, and those whose payloads go earlier, the longest ended first.
-- $now: ns. $max_age, $payload_age, $failed_age, $slow_age, $sample_age: seconds, 0: no limit. $max_count: 0: all.
-- $sample_percent. $rule_numbers, $rule_workflows, $rule_statuses, $rule_ages, $rule_counts,
-- $rule_payload_ages: the rules, null: as for all. $workflow: only such. $need: bytes that must go.
-- $with_bytes: estimate bytes, of $used in all. $most: rows at most.
-- Columns: execution_id, workflow_id, reason (null: only its payloads), rule (null: none), bytes (estimated, of what goes),
-- first and last start in ns, has_payloads_due, row_count (of its spans, and itself).
with rules as (
    select
        unnest($rule_numbers::int[]) as number, unnest($rule_workflows::varchar[]) as workflow,
        unnest($rule_statuses::varchar[]) as statuses, unnest($rule_ages::bigint[]) as max_age,
        unnest($rule_counts::bigint[]) as max_count,
        unnest($rule_payload_ages::bigint[]) as payload_age
),
ended as (
    select
        v.execution_id, v.workflow_id, v.status, v.duration_ns, s.span_count, s.started_at,
        s.first_unix_nano, s.last_start_unix_nano,
        cast(coalesce(nullif(s.final_end_unix_nano, 0), s.last_seen_unix_nano) as hugeint) as ended,
        (select min(r.number) from rules r
            where v.workflow_id glob r.workflow
                and (r.statuses = '' or list_contains(string_split(r.statuses, ','), v.status))) as rule
    from executions v
    join stored.executions s using (execution_id)
    where v.status not in ('queued', 'running', 'waiting', 'retrying')
        and v.workflow_id glob $workflow
        and v.execution_id not in (select execution_id from stored.pins)
),
slow as (
    select workflow_id, quantile_cont(duration_ns, 0.99) as least
    from ended
    where $slow_age > 0
    group by workflow_id
),
weighed as (
    select
        execution_id, sum(weight) / sum(sum(weight)) over () as part,
        sum(payloads) / sum(sum(weight)) over () as payload_part
    from (
        select execution_id, span_count * 100.0 as weight, 0.0 as payloads
        from stored.executions where $with_bytes
        union all
        select execution_id, sum(size_bytes) * 0.5, sum(size_bytes) * 0.5 from stored.payloads
        where $with_bytes group by execution_id
        union all
        select execution_id, count(*) * 100.0, 0.0 from stored.log_records
        where $with_bytes and execution_id is not null group by execution_id
    )
    group by execution_id
),
judged as (
    select
        e.*,
        coalesce(r.max_age, $max_age) as max_age,
        coalesce(r.max_count, $max_count) as max_count,
        coalesce(r.payload_age, $payload_age) as payload_age,
        e.ended > $now::hugeint - 1000000000::hugeint * greatest(
            case when e.status in ('failed', 'timed_out') then $failed_age else 0 end,
            case when e.duration_ns >= w.least then $slow_age else 0 end,
            case when e.status = 'success'
                and md5_number_lower(e.execution_id) % 100 < $sample_percent
                then $sample_age else 0 end
        ) as is_kept,
        row_number() over (
            partition by e.workflow_id, coalesce(e.rule, -1)
            order by e.started_at desc, e.execution_id
        ) as place,
        coalesce(g.part * $used, 0) as bytes,
        coalesce(g.payload_part * $used, 0) as payload_bytes
    from ended e
    left join rules r on r.number = e.rule
    left join slow w on w.workflow_id = e.workflow_id
    left join weighed g on g.execution_id = e.execution_id
),
reasoned as (
    select
        *,
        case
            when is_kept then null
            when max_age > 0 and ended < $now::hugeint - 1000000000::hugeint * max_age then 'age'
            when max_count > 0 and place > max_count then 'count'
        end as own_reason
    from judged
),
summed as (
    select
        *,
        coalesce(sum(bytes) over (
            order by own_reason is null, is_kept, ended, execution_id
            rows between unbounded preceding and 1 preceding
        ), 0) as before
    from reasoned
),
decided as (
    select
        *,
        coalesce(own_reason, case when before < $need then 'bytes' end) as reason,
        payload_age > 0 and not is_kept
            and ended < $now::hugeint - 1000000000::hugeint * payload_age as has_payloads_due
    from summed
)
select
    execution_id, workflow_id, reason, case when reason <> 'bytes' then rule end as rule,
    cast(case when reason is null then payload_bytes else bytes end as bigint) as bytes,
    first_unix_nano, last_start_unix_nano, has_payloads_due,
    span_count + 1 as row_count
from decided
where reason is not null
    or (has_payloads_due and execution_id in (select execution_id from stored.payloads))
order by reason is null, ended, execution_id
limit $most
