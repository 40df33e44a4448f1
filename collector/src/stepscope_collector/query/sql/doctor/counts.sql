-- How many rows the tables hold and when the newest span was committed.
-- Columns: schema_version, spans, executions, open_spans, payloads, log_records, metric_points,
-- rejections, rejected_rows, newest_ingested_at (UTC).
select
    (select max(version) from stored.schema_version) as schema_version,
    (select count(*) from stored.spans) as spans,
    (select count(*) from stored.executions) as executions,
    (select count(*) from stored.open_spans) as open_spans,
    (select count(*) from stored.payloads) as payloads,
    (select count(*) from stored.log_records) as log_records,
    (select count(*) from stored.metric_points) as metric_points,
    (select count(*) from stored.rejections) as rejections,
    (select coalesce(sum(rejected_count), 0)::bigint from stored.rejections) as rejected_rows,
    (select max(ingested_at) from stored.spans) as newest_ingested_at
order by 1
