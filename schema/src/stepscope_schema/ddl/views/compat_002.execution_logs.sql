-- Log records as the table of that name of older design 002 (R065, R066). Times are text, RFC 3339 in UTC.
create or replace view compat_002.execution_logs as
select
    compat_id(execution_id, sequence) as id,   -- bigint: number that grows with the sequence in the execution
    execution_id,                              -- varchar: the execution
    sequence,                                  -- bigint: place in the execution, from 0
    compat_time(logged_at) as timestamp,       -- varchar: when it was written
    coalesce(event_name, 'RawOutput') as log_type, -- varchar: name of the event; RawOutput: a line of text
    case when event_name is not null and json_valid(body) then body
        else cast(json_object('type', coalesce(event_name, 'RawOutput'), 'message', body,
            'level', severity_text, 'stream', attributes['log.iostream']) as varchar)
    end as log_data                            -- varchar: JSON: the body of an event, else the line with level and stream
from main.execution_logs
