-- Removes the rows that `merged_rollups` replaces.
delete from stored.rollups r
where exists (
    from merged_rollups n
    where n.hour_at is not distinct from r.hour_at and n.workflow_id = r.workflow_id
        and n.project is not distinct from r.project
        and n.step_name is not distinct from r.step_name and n.status = r.status
)
