-- The value that `shortened` made this of.
create or replace macro restored(short, span_name) as
    case when short = '=' then span_name
        when starts_with(short, '=') then substr(short, 2)
        else short end
