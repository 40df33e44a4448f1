-- A payload as JSON text that always parses: what is no JSON, or was cut, as a JSON string.
create or replace macro compat_json(body) as
    case when json_valid(body) then body else cast(to_json(body) as varchar) end
