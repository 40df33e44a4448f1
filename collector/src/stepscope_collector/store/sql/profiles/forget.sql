-- Removes the profiles that are not among $names as $told says it.
delete from stored.profiles p
where not exists (
    from (select unnest($names) as name, unnest($told) as told) g
    where g.name = p.name and g.told = p.told
)
