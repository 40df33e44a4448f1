-- A value inside a text that holds JSON, as text; null when it is no JSON or has no such path.
create or replace temp macro json_path(body, path) as
    case when json_valid(body) then json_extract_string(body, path) end
