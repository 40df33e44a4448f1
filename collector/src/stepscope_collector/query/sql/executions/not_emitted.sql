-- What the engine of one execution does not emit, as its profile says.
-- $dialect: of the execution; null: of none.
-- Columns: field, reason, dialect, engine.
select entry.key as field, entry.value as reason, name as dialect, engine
from (
    select name, told ->> 'description' as engine, unnest(map_entries(
        from_json(told -> 'not_emitted', '"MAP(VARCHAR, VARCHAR)"'))) as entry
    from stored.profiles
    where name = $dialect
)
order by field
