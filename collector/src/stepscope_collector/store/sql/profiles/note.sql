-- Stores the profiles $names, each as $told, that are not stored. $now: UTC.
insert into stored.profiles by name
select g.name, g.told, $now as loaded_at
from (select unnest($names) as name, unnest($told) as told) g
where not exists (from stored.profiles p where p.name = g.name)
