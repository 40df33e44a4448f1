-- Between which times the rows of `importing` lie, in ns.
-- Columns: first, last.
select min(time_unix_nano) as first, max(time_unix_nano) as last
from importing
