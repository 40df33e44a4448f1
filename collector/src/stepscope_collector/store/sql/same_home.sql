-- Whether two mapped rows agree in the columns that are the home of attributes. a: of stored.spans; b: staged.
create or replace temp macro same_home(a, b) as
    a.role is not distinct from b.role
    and a.step_id is not distinct from b.step_id
    and a.step_name is not distinct from b.step_name
    and a.step_type is not distinct from b.step_type
    and a.step_index is not distinct from b.step_index
    and a.attempt is not distinct from b.attempt
    and a.status_native is not distinct from b.status_native
    and a.error_type is not distinct from b.error_type
    and restored(a.short_workflow_name, a.name) is not distinct from b.workflow_name
    and a.live_phase is not distinct from b.live_phase
