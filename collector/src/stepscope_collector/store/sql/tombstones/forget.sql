-- Forgets what was deleted long ago. $now: UTC.
delete from stored.tombstones
where ends_at <= $now
