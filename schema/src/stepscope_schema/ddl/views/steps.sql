-- One row per step: its final attempt, how many attempts it took and when the first began.
-- step_index is the sender's, else the rank by start within the execution, from 0 (R002).
create or replace view steps as
with ranked as (
    select
        a.*,
        count(*) over step as attempt_count,
        min(started_at) over step as first_started_at,
        row_number() over (step order by attempt desc, started_at desc, span_id desc) as place
    from attempts a
    window step as (partition by execution_id, step_id)
)
select
    * exclude (place, step_index),
    coalesce(step_index, row_number() over (
        partition by execution_id order by first_started_at, span_id
    ) - 1) as step_index
from ranked
where place = 1
