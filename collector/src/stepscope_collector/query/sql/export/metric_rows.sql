-- Data points as they were received, with what describes their metric.
-- $execution_ids: null means all; $first, $last: bounds of their times in ns.
-- One row per data point; those of one resource and scope stand together, and equal ones in a row,
-- whenever they were committed.
select
    resource_id, scope_id,
    name, type, description, unit, temporality, is_monotonic, metadata, metadata_types,
    start_time_unix_nano, time_unix_nano, flags, value_double, value_int, count, sum, min, max,
    explicit_bounds, bucket_counts, scale, zero_count, zero_threshold, positive_offset,
    positive_bucket_counts, negative_offset, negative_bucket_counts, quantiles, attributes,
    attribute_types, exemplars, raw, epoch_ns(ingested_at) as ingested_unix_nano
from stored.metric_points
where time_unix_nano between cast($first as ubigint) and cast($last as ubigint)
    and ($execution_ids::varchar[] is null
        or execution_id in (select unnest($execution_ids::varchar[])))
order by all
