-- Between which places the rows stand that are to be removed, as list_spans, list_traces and list_prunable have
-- noted them, null: there are none; and how many executions were committed after $since (UTC), so that something
-- of them may still be under way.
select
    (select min(row_id) from erased_spans) as first_span,
    (select max(row_id) from erased_spans) as last_span,
    (select min(row_id) from erasing_traces) as first_trace,
    (select max(row_id) from erasing_traces) as last_trace,
    min(row_id) as first_execution,
    max(row_id) as last_execution,
    count_if(updated_at > $since) as young
from erasing
