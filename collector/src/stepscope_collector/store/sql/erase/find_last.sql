-- The last row of stored.{table}, none or one, as temporary table `last_row`.
create or replace temp table last_row as
select *, rowid as row_id
from stored.{table}
where rowid = (select max(rowid) from stored.{table})
