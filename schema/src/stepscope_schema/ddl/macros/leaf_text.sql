-- The text of a leaf of json_tree, the same for equal values: whole numbers have no decimals, 1.0 is 1.
-- Takes its columns type, atom and value.
create or replace macro leaf_text(type, atom, value) as
    case when type = 'DOUBLE' and try_cast(cast(atom as varchar) as double) = trunc(try_cast(cast(atom as varchar) as double))
            and abs(try_cast(cast(atom as varchar) as double)) < 9007199254740992
        then cast(cast(try_cast(cast(atom as varchar) as double) as bigint) as varchar)
        else coalesce(cast(atom as varchar), cast(value as varchar)) end
