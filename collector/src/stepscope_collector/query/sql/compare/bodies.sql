-- Digests of what the steps of an execution were given and gave back, to tell whether it is the same: of
-- JSON its leaves, whatever the order of names, blanks, and spelling of numbers; else the text.
-- $execution_id: the execution; $first_unix_nano, $last_start_unix_nano: see executions/locate.sql.
-- Columns: span_id (hex), kind (input or output), digest.
with bodies as materialized (
    select row_number() over () as number, span_id, kind, key, body, sha256,
        case when sha256 is null and json_valid(body) then cast(body as json) end as document
    from stored.payloads
    where execution_id = $execution_id
        and start_time_unix_nano >= cast($first_unix_nano as ubigint)
        and start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
        and kind in ('input', 'output')
        and live_phase is null
), documents as (
    select b.number, md5(string_agg(
        leaf.fullkey || chr(31) || leaf_text(leaf.type, leaf.atom, leaf.value), chr(30)
        order by leaf.fullkey)) as digest
    from bodies b, json_tree(b.document) as leaf
    where leaf.type not in ('OBJECT', 'ARRAY') or cast(leaf.value as varchar) in ('{}', '[]')
    group by b.number
)
select
    span_hex(b.span_id) as span_id,
    b.kind,
    md5(string_agg(
        b.key || chr(31) || coalesce(b.sha256, d.digest, md5(b.body)), chr(30) order by b.key
    )) as digest
from bodies b
left join documents d on d.number = b.number
group by b.span_id, b.kind
order by span_id, b.kind
