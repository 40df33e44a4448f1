-- Every OTLP metric data point, losslessly. Columns that a point type has not are null.
create table if not exists stored.metric_points (
    name varchar not null,                -- Metric.name
    description varchar,                  -- Metric.description, null: empty
    unit varchar,                         -- Metric.unit, null: empty
    type varchar not null,                -- gauge, sum, histogram, exponential_histogram or summary
    temporality integer,                  -- Sum.aggregation_temporality (histograms have it too), an open enum
    is_monotonic boolean,                 -- Sum.is_monotonic
    metadata map(varchar, varchar),       -- Metric.metadata as text
    metadata_types varchar,               -- one type code per metadata entry, null: all strings
    start_time_unix_nano ubigint not null, -- DataPoint.start_time_unix_nano, 0: unknown
    time_unix_nano ubigint not null,      -- DataPoint.time_unix_nano
    flags uinteger not null,              -- DataPoint.flags
    value_double double,                  -- NumberDataPoint.as_double
    value_int bigint,                     -- NumberDataPoint.as_int
    count ubigint,                        -- DataPoint.count
    sum double,                           -- DataPoint.sum
    min double,                           -- DataPoint.min
    max double,                           -- DataPoint.max
    explicit_bounds double[],             -- HistogramDataPoint.explicit_bounds
    bucket_counts ubigint[],              -- HistogramDataPoint.bucket_counts
    scale integer,                        -- ExponentialHistogramDataPoint.scale
    zero_count ubigint,                   -- ExponentialHistogramDataPoint.zero_count
    zero_threshold double,                -- ExponentialHistogramDataPoint.zero_threshold
    positive_offset integer,              -- ExponentialHistogramDataPoint.positive, Buckets.offset
    positive_bucket_counts ubigint[],     -- ExponentialHistogramDataPoint.positive, Buckets.bucket_counts
    negative_offset integer,              -- ExponentialHistogramDataPoint.negative, Buckets.offset
    negative_bucket_counts ubigint[],     -- ExponentialHistogramDataPoint.negative, Buckets.bucket_counts
    quantiles struct(quantile double, value double)[], -- SummaryDataPoint.quantile_values
    attributes map(varchar, varchar),     -- DataPoint.attributes as text
    attribute_types varchar,              -- one type code per attribute, null: all strings
    exemplars blob,                       -- DataPoint.exemplars as one protobuf message, null: none
    raw blob,                             -- its Metric with this one point as protobuf, only when the columns cannot hold it
    resource_id ubigint not null,         -- stored.resources
    scope_id ubigint not null,            -- stored.scopes
    execution_id varchar,                 -- attribute workflow.execution.id
    ingested_at timestamp_ns not null     -- UTC, when the collector committed it
)
