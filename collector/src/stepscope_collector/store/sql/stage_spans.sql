-- Completes the mapped rows with what does not depend on the dialect, as temporary table `staged`.
-- Placeholders: into makes the table for the first dialect and adds to it for the others; mapped is the
-- select of its compiled profile over the registered batch `incoming_spans`.
-- Columns: those of the mapping; is_explicit, execution_id, is_final; for live markers and spans
-- without an end the identity of the open span (open_*); when the span counts as begun and seen. A step always
-- has a name and a status, so that questions about all steps read one column for each.
{into}
select
    m.* exclude (execution_id, open_start_unix_nano, open_parent_span_id, step_name, status),
    case when role = 'step' and not is_folded and step_name is null then name else step_name end as step_name,
    case when role = 'step' and not is_folded and status is null then 'unknown' else status end as status,
    m.execution_id is not null and m.execution_id <> '' as is_explicit,
    coalesce(nullif(m.execution_id, ''), trace_hex(m.trace_id)) as execution_id,
    live_phase is null and end_time_unix_nano > 0 as is_final,
    case when is_folded then null
        when live_phase is not null then parent_span_id
        when end_time_unix_nano = 0 then span_id end as open_span_id,
    case when live_phase is not null then coalesce(m.open_parent_span_id, 0)
        when end_time_unix_nano = 0 then parent_span_id end as open_parent_span_id,
    case when live_phase is not null then coalesce(m.open_start_unix_nano, start_time_unix_nano)
        else start_time_unix_nano end as begun_unix_nano,
    least(greatest(start_time_unix_nano, end_time_unix_nano), $now) as seen_unix_nano
from ({mapped}) m
