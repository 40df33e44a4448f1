-- Parameters as the table of that name of older design 002 (R064).
create or replace view compat_002.execution_params as
select
    compat_id(execution_id, row_number() over (
        partition by execution_id order by param_name
    )) as id,                                 -- bigint: number of the row
    execution_id,                             -- varchar: the execution
    param_name,                               -- varchar: name of the parameter
    coalesce(param_value, '') as param_value  -- varchar: its value as text
from main.execution_params
