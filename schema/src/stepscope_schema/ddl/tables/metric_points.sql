-- Every OTLP metric data point, losslessly. Columns that a point type has not are null.
create table if not exists stored.metric_points (
    name varchar not null,                -- Metric.name
    description varchar,                  -- Metric.description, null: empty
    unit varchar,                         -- Metric.unit, null: empty
    type varchar not null,                -- gauge, sum, histogram, exponential_histogram or summary
    temporality integer,                  -- aggregation_temporality, an open enum
    is_monotonic boolean,                 -- Sum.is_monotonic
    metadata map(varchar, varchar),       -- Metric.metadata as text
    metadata_types varchar,
    start_time_unix_nano ubigint not null,
    time_unix_nano ubigint not null,
    flags uinteger not null,
    value_double double,                  -- NumberDataPoint.as_double
    value_int bigint,                     -- NumberDataPoint.as_int
    count ubigint,
    sum double,
    min double,
    max double,
    explicit_bounds double[],
    bucket_counts ubigint[],
    scale integer,
    zero_count ubigint,
    zero_threshold double,
    positive_offset integer,
    positive_bucket_counts ubigint[],
    negative_offset integer,
    negative_bucket_counts ubigint[],
    quantiles struct(quantile double, value double)[],
    attributes map(varchar, varchar),
    attribute_types varchar,
    exemplars blob,                       -- exemplars as one protobuf message, null: none
    raw blob,                             -- data point as protobuf, only when the columns cannot hold it
    resource_id ubigint not null,
    scope_id ubigint not null,
    execution_id varchar,                 -- attribute workflow.execution.id
    ingested_at timestamp_ns not null
)
