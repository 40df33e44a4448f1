-- Stores scopes not stored yet, from the registered batch `incoming_scopes`.
insert into stored.scopes by name
from incoming_scopes i
where not exists (from stored.scopes s where s.scope_id = i.scope_id)
