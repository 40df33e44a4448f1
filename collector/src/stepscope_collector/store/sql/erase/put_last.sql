-- Puts the row that take_last took behind all others of stored.{table}.
insert into stored.{table} by name
select * exclude (row_id)
from last_row
