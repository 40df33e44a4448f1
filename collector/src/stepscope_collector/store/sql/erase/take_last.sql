-- Removes the last row of stored.{table}, which put_last puts behind all others again.
delete from stored.{table}
where rowid in (select row_id from last_row)
