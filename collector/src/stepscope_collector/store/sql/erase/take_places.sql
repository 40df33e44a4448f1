-- Removes the rows of stored.{table} whose places temporary table {noted} holds. $first, $last: bounds of
-- the places, which a scan needs to know before it begins.
delete from stored.{table}
where rowid between $first and $last and rowid in (select row_id from {noted})
