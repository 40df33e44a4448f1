-- What is kept of a value that is often the name of its span: '=' where it is. Else the value, with '=' before one that
-- begins so. In a file, a column of few values takes an eighth of the room of one of two hundred.
create or replace macro shortened(value, span_name) as
    case when value = span_name then '='
        when starts_with(value, '=') then '=' || value
        else value end
