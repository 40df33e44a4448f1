-- One row per execution and parameter (R064). Params that are no JSON object give no rows.
create or replace view execution_params as
select
    p.execution_id,                  -- varchar: the execution
    j.key as param_name,             -- varchar: name of the parameter
    arg_max_null(j.value ->> '$', (p.ingested_at, p.body)) as param_value -- varchar: the newest that was told: JSON text for objects and lists, plain text otherwise, null for null
from payloads p,
    json_each(case when json_valid(p.body) then p.body else '{}' end) j
where p.kind = 'params' and json_type(case when json_valid(p.body) then p.body end) = 'OBJECT'
group by p.execution_id, j.key
