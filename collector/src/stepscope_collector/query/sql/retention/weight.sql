-- What all of the history weighs, in bytes before the engine packs them: 100 for each span and log record, half of payloads.
-- Columns: weight.
select
    (select coalesce(sum(span_count), 0) * 100.0 from stored.executions)
    + (select coalesce(sum(size_bytes), 0) * 0.5 from stored.payloads)
    + (select count(execution_id) * 100.0 from stored.log_records) as weight
