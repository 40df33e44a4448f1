-- What a profile says of the engine whose executions it maps.
-- $dialect: of the execution; null: of none.
-- Columns: told, JSON.
select told
from stored.profiles
where name = $dialect
