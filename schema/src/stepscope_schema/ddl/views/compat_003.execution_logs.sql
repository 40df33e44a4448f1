-- Log records as the table of that name of older design 003 (R101).
create or replace view compat_003.execution_logs as
select
    l.execution_id || ':' || l.sequence as id,   -- varchar: identity of the record
    l.execution_id,                              -- varchar: the execution
    case when l.step_id is not null then coalesce(s.record_id, l.execution_id || ':' || l.step_id)
    end as node_result_id,                       -- varchar: step in whose span it was written; null: none
    case when l.severity_number >= 17 then 'error' when l.severity_number >= 13 then 'warn'
        when l.severity_number between 1 and 8 then 'debug' else 'info' end as level, -- varchar: debug, info, warn or error
    coalesce(l.body, l.event_name, '') as message, -- varchar: what it says
    to_json(l.attributes) as data,               -- json: its attributes
    l.logged_at as timestamp -- timestamp_ns: when it was written
from main.execution_logs l
left join compat.step_parts s on s.execution_id = l.execution_id and s.step_id = l.step_id
