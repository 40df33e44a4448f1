-- Names of the tables and views of a database of an older design, in SQLite.
-- Columns: name.
select name
from sqlite_master
where type in ('table', 'view')
order by name
