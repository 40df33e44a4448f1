-- Removes the query $name.
delete from stored.queries
where name = $name
