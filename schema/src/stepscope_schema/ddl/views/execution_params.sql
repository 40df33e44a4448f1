-- One row per execution and parameter (R064). Values are JSON text for objects and lists, plain
-- text otherwise.
create or replace view execution_params as
select
    p.execution_id,
    j.key as param_name,
    j.value ->> '$' as param_value
from stored.payloads p,
    json_each(case when json_valid(p.body) then p.body else '{}' end) j
where p.kind = 'params' and json_type(case when json_valid(p.body) then p.body end) = 'OBJECT'
