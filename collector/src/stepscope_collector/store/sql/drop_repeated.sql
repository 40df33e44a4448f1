-- Removes staged spans that stand in the same commit before with the same content: what
-- same_span and same_home compare. A window and not a join: a sender that repeats one span
-- thousands of times would make millions of pairs.
delete from staged
where span_row in (
    with repeated as (
        select trace_id, span_id, start_time_unix_nano
        from staged
        group by all
        having count(*) > 1
    ),
    numbered as (
        select
            m.span_row,
            row_number() over (
                partition by
                    m.trace_id, m.span_id, m.start_time_unix_nano,
                    b.end_time_unix_nano, b.name, b.kind, b.parent_span_id, b.status_code,
                    b.status_message, b.trace_state, b.flags, b.home_bits, b.attributes,
                    b.attribute_types, b.events, b.links, b.resource_id, b.scope_id,
                    m.role, m.step_id, m.step_name, m.step_type, m.step_index, m.attempt,
                    m.status_native, m.error_type, m.workflow_name, m.live_phase
                order by m.span_row
            ) as copy
        from staged m
        join incoming_spans b on b.span_row = m.span_row
        where exists (
            from repeated r
            where r.span_id = m.span_id
                and r.trace_id = m.trace_id
                and r.start_time_unix_nano = m.start_time_unix_nano
        )
    )
    select span_row from numbered where copy > 1
)
