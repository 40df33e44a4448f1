"""Questions whose right answer is no row: what the store keeps against what its spans say."""

__all__ = ["NOT_DERIVED", "NOT_OPEN", "NOT_RECOUNTED", "TWICE"]

NOT_RECOUNTED = """
with counted as (
    select
        execution_id,
        count(*) filter (live_phase is null and has_ended(odd_end_unix_nano)) as span_count,
        count(*) filter (is_attempt) as attempt_count,
        count(*) filter (is_attempt and status in ('failed', 'timed_out'))
            as failed_attempt_count,
        max(start_time_unix_nano) as last_start_unix_nano
    from (
        select *, role = 'step' and live_phase is null and has_ended(odd_end_unix_nano) as is_attempt
        from stored.spans
    )
    group by execution_id
),
kept as (
    select execution_id, span_count, attempt_count, failed_attempt_count, last_start_unix_nano
    from stored.executions
)
(from counted except all from kept) union all (from kept except all from counted)
"""
"""Executions whose counts are not those of their spans."""

NOT_OPEN = """
with begun as (
    select trace_id, case when live_phase is null then span_id else parent_span_id end as span_id
    from stored.spans
    where live_phase is not null or odd_end_unix_nano = 0
),
expected as (
    select distinct trace_id, span_id
    from begun b
    where not exists (
        from stored.spans s
        where s.trace_id = b.trace_id and s.span_id = b.span_id and s.live_phase is null
            and has_ended(s.odd_end_unix_nano)
    )
),
kept as (select trace_id, span_id from stored.open_spans)
(from expected except all from kept) union all (from kept except all from expected)
"""
"""Spans that started, have no end and are not kept as open exactly once; or are and should not."""

TWICE = """
select trace_id, span_id, count(*) as times
from stored.spans
group by trace_id, span_id
having count(*) > 1
"""
"""Spans stored more than once, where no sender uses an id again."""

NOT_DERIVED = """
select 'span', trace_id::varchar, span_id::varchar
from stored.spans
where (duration_ns is null) = (odd_end_unix_nano is null)
    or role = 'step' and not is_folded and (step_name is null or status is null)
union all
select 'execution', execution_id, null
from stored.executions
where ended_at is distinct from time_of(final_end_unix_nano) or duration_ns is distinct from
    duration_of(coalesce(started_unix_nano, first_unix_nano), final_end_unix_nano)
union all
select 'final', e.execution_id, null
from stored.executions e
where e.final_trace_id = e.any_trace_id or e.final_start_unix_nano = e.first_unix_nano
    or e.final_span_id is not null and not exists (
        from stored.spans s
        where s.span_id = e.final_span_id and s.trace_id = coalesce(e.final_trace_id, e.any_trace_id)
            and s.start_time_unix_nano = coalesce(e.final_start_unix_nano, e.first_unix_nano)
    )
"""
"""Rows without what views need of them: one of duration and end, a name and a status of each step, a duration,
the final span of an execution, of which only what differs from the execution is kept."""
