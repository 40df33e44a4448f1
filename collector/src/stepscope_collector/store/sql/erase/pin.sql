-- Pins the execution $execution_id if it is not pinned. $now: UTC.
insert into stored.pins by name
select $execution_id as execution_id, $now as pinned_at
where $execution_id not in (select execution_id from stored.pins)
