-- An empty temporary table `evidence`: spans whole, as the expressions of folded profiles read them, and
-- the columns that the expressions of direct profiles made of them.
create or replace temp table evidence (
    span_number ubigint, -- row in the batch; of a stored span its rowid beyond 2^63
    trace_id uuid, span_id ubigint, parent_span_id ubigint, name varchar, kind integer,
    start_time_unix_nano ubigint, end_time_unix_nano ubigint,
    status_code integer, status_message varchar,
    attributes map(varchar, varchar),
    events struct(
        time_unix_nano ubigint, name varchar, attributes map(varchar, varchar),
        attribute_types varchar, dropped_attributes_count uinteger
    )[],
    links struct(
        trace_id blob, span_id blob, trace_state varchar, attributes map(varchar, varchar),
        attribute_types varchar, dropped_attributes_count uinteger, flags uinteger
    )[],
    resource_attributes map(varchar, varchar), service_name varchar, scope_name varchar,
    exception_type varchar, exception_message varchar,
    dialect varchar, execution_before varchar, own_execution_id varchar,
    live_phase varchar, role varchar, step_id varchar, step_name varchar, step_type varchar,
    step_index integer, attempt integer, max_attempts integer, is_expected_retry boolean,
    status varchar, status_native varchar, error_type varchar, error_message varchar,
    workflow_id varchar, workflow_name varchar, workflow_version varchar, project varchar,
    trigger_type varchar, user_id varchar, tags varchar, parent_execution_id varchar,
    root_execution_id varchar, exit_code integer
)
