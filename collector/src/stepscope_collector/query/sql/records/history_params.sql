-- The parameters of an execution, the newest of each name. $id: the execution.
-- Columns: param_name; param_json: the value as JSON text.
select j.key as param_name, arg_max(cast(j.value as varchar), (p.ingested_at, p.body)) as param_json
from main.payloads p,
    json_each(case when json_valid(p.body) then p.body else '{}' end) j
where p.execution_id = $id and p.kind = 'params'
    and json_type(case when json_valid(p.body) then p.body end) = 'OBJECT'
group by j.key
order by j.key
