-- Data points as they were received, with what describes their metric.
-- $execution_id: null means any.
-- One row per data point; those of one resource and scope stand together.
select
    name, description, unit, type, temporality, is_monotonic, metadata, metadata_types,
    start_time_unix_nano, time_unix_nano, flags, value_double, value_int, count, sum, min, max,
    explicit_bounds, bucket_counts, scale, zero_count, zero_threshold, positive_offset,
    positive_bucket_counts, negative_offset, negative_bucket_counts, quantiles, attributes,
    attribute_types, exemplars, raw, resource_id, scope_id
from stored.metric_points
where $execution_id::varchar is null or execution_id = $execution_id::varchar
order by resource_id, scope_id, name, type, start_time_unix_nano, time_unix_nano
