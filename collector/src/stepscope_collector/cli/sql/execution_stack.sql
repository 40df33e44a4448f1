-- Stack of the error that the execution's own span recorded.
-- Parameters: $trace_id and $span_id, hex. Columns: error_stack.
select list_filter(events, lambda e: e.name = 'exception')[-1]
    .attributes['exception.stacktrace'] as error_stack
from spans
where trace_id = $trace_id and span_id = $span_id and live_phase is null
order by started_at
limit 1
