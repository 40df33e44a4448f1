-- Removes the rows that table {merged} replaces. $since: the first hour in it or one before it, ns.
delete from stored.rollups r
where (r.hour_at is null or r.hour_at >= make_timestamp_ns($since))
    and exists (
        from {merged} n
        where n.is_stored and n.hour_at is not distinct from r.hour_at and n.workflow_id = r.workflow_id
            and n.project is not distinct from r.project
            and n.step_name is not distinct from r.step_name and n.status = r.status
    )
