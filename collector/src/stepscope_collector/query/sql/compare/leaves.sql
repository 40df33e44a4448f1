-- The values in what an execution as a whole was given and gave back: each leaf of a JSON document, and
-- a text that is no JSON as a whole. Of a payload that was told twice, that of the ended span.
-- $execution_id: the execution; $first_unix_nano, $last_start_unix_nano: see executions/locate.sql;
-- $limit: rows at most.
-- Columns: kind (params, trigger, input, output, attribute); path ($.a.b[0], for an attribute its key
-- before it); value (text; of JSON as macro leaf_text has it).
with steps as (
    select trace_id, span_id
    from stored.spans
    where execution_id = $execution_id
        and start_time_unix_nano >= cast($first_unix_nano as ubigint)
        and start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
        and role is distinct from 'execution' and live_phase is null
    union
    select trace_id, span_id from stored.open_spans
    where execution_id = $execution_id and role is distinct from 'execution'
), own as (
    select
        p.kind,
        p.key,
        case when p.media_type = 'application/json' and json_valid(p.body)
            then cast(p.body as json) else to_json(p.body) end as document,
        row_number() over (
            partition by p.kind, p.key order by p.live_phase nulls first, p.start_time_unix_nano desc
        ) as place
    from stored.payloads p
    where p.execution_id = $execution_id
        and p.start_time_unix_nano >= cast($first_unix_nano as ubigint)
        and p.start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
        and not exists (
            from steps s
            where s.trace_id = p.trace_id and s.span_id = coalesce(p.open_span_id, p.span_id)
        )
)
select
    o.kind,
    case when o.kind = 'attribute' then o.key || ' ' else '' end || leaf.fullkey as path,
    leaf_text(leaf.type, leaf.atom, leaf.value) as value
from own o, json_tree(o.document) as leaf
where o.place = 1
    and (leaf.type not in ('OBJECT', 'ARRAY') or cast(leaf.value as varchar) in ('{}', '[]'))
order by o.kind, path
limit $limit
