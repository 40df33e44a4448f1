-- Executions in the order of what stands at a path: numbers by their value, then texts, then those
-- without; ties in order of id. The filter compiler puts conditions, and a statement of columns/, in the
-- place of the marks.
-- Its parameters: see there. $is_json: values are JSON, not text;
-- $is_descending: the greatest first;
-- $is_first: the first page, else what follows the row of $after_number, $after_text (null: it has
-- none) and $after_id; $count: rows at most; $offset: rows to pass over.
-- Columns: execution_id, number (double, null: it is none), text (null: no value).
with chosen as materialized (
    select e.execution_id, e.span_id
    from executions as e
    where true /* filter */
), valued as (
    -- Of the execution's own span, else the first.
    select v.execution_id,
        arg_min_null(case when $is_json then v.value ->> '$' else v.value end, {'is_other': v.span_id is distinct from c.span_id,
            'start': v.start_time_unix_nano, 'span': v.span_id}) as text
    from (select null as execution_id, null as value, null as span_id, null as start_time_unix_nano) /* values */ as v
    join chosen c on c.execution_id = v.execution_id
    group by v.execution_id
), placed as (
    select c.execution_id, v.text,
        case when isfinite(try_cast(v.text as double)) then try_cast(v.text as double) end as number
    from chosen c
    left join valued v on v.execution_id = c.execution_id
)
select execution_id, number, text
from placed
where $is_first
    or case
        when number is distinct from $after_number then $after_number is not null
            and (number is null or (number < $after_number) = $is_descending)
        when text is distinct from $after_text then $after_text is not null
            and (text is null or (text < $after_text) = $is_descending)
        else execution_id > $after_id
    end
order by
    case when $is_descending then -number else number end nulls last,
    case when $is_descending then null else text end nulls last,
    case when $is_descending then text end desc nulls last,
    execution_id
limit $count offset $offset
