-- How many executions two cohorts have, and between which starts all their spans lie. The filter
-- compilers put conditions in the place of the marks; an execution of both belongs to the first.
-- $most: the newest so many of each are looked at.
-- Columns: cohort_count, against_count (one more than $most: there are more); first_unix_nano,
-- last_start_unix_nano (nanoseconds since the epoch), null: no executions.
with cohort as (
    select e.execution_id, true as is_in
    from executions as e
    where true /* filter */ and (true /* cohort */)
    order by e.started_at desc nulls last, e.execution_id
    limit $most + 1
), against as (
    select e.execution_id, false
    from executions as e
    where true /* filter */ and (true /* against */) and not coalesce((true /* cohort */), false)
    order by e.started_at desc nulls last, e.execution_id
    limit $most + 1
)
select
    count(*) filter (is_in) as cohort_count,
    count(*) filter (not is_in) as against_count,
    min(s.first_unix_nano) as first_unix_nano,
    max(s.last_start_unix_nano) as last_start_unix_nano
from (from cohort union all from against) c
join stored.executions s on s.execution_id = c.execution_id
order by cohort_count
