-- What stands with the span of an execution and not in view executions, one row per execution that has
-- any of it. Of an execution that goes on its newest live marker counts.
create or replace view compat.execution_parts as
with own as (
    select
        execution_id,
        arg_max(struct_pack(
            trace_id := trace_id,
            span_id := case when live_phase is null then span_id else parent_span_id end,
            attributes := attributes,
            stack := last_exception(events, 'exception.stacktrace')
        ), (live_phase is null, start_time_unix_nano, span_id)) as span
    from stored.spans
    where role = 'execution'
    group by execution_id
),
told as (
    select
        p.execution_id,
        arg_max(p.body, p.ingested_at) filter (where p.kind = 'trigger') as trigger_data,
        arg_max(p.body, p.ingested_at) filter (where p.kind = 'output') as output
    from stored.payloads p
    join own o
        on o.execution_id = p.execution_id
        and o.span.trace_id = p.trace_id
        and o.span.span_id = coalesce(p.open_span_id, p.span_id)
    where p.kind in ('trigger', 'output')
    group by p.execution_id
)
select
    o.execution_id,                      -- varchar: the execution
    o.span.attributes as attributes,     -- map(varchar, varchar): attributes of its span that have no column
    o.span.stack as error_stack,         -- varchar: stack of its last exception event
    t.trigger_data,                      -- varchar: what the trigger brought, as it was sent
    t.output                             -- varchar: its result, as it was sent
from own o
left join told t using (execution_id)
