-- Version 1: the tables of the first release.
-- Not released yet: `make docs` writes this file from ddl/tables.

-- Schema of the physical tables. Their layout may change with any migration; the views in
-- schema main are the contract with people and programs.
create schema if not exists stored;

-- One row per applied migration; the highest version is the version of the file (R068).
create table if not exists stored.schema_version (
    version integer not null,          -- number of the migration
    name varchar not null,             -- file name of the migration without ending
    applied_at timestamp_ns not null   -- UTC
);

-- One row per distinct OTLP Resource with its schema_url. Spans refer to it by content hash, so
-- the same resource sent by a thousand requests stands here once.
create table if not exists stored.resources (
    resource_id ubigint not null,               -- hash of the row's content
    attributes map(varchar, varchar),           -- Resource.attributes as text
    attribute_types varchar,                    -- one type code per attribute, null: all strings
    dropped_attributes_count uinteger not null, -- Resource.dropped_attributes_count
    raw blob,                                   -- Resource as protobuf, only when the columns cannot hold it
    schema_url varchar not null,                -- ResourceSpans.schema_url
    service_name varchar                        -- attribute service.name
);

-- One row per distinct OTLP InstrumentationScope with its schema_url, by content hash.
create table if not exists stored.scopes (
    scope_id ubigint not null,                  -- hash of the row's content
    name varchar not null,                      -- InstrumentationScope.name
    version varchar not null,                   -- InstrumentationScope.version
    attributes map(varchar, varchar),           -- InstrumentationScope.attributes as text
    attribute_types varchar,                    -- one type code per attribute, null: all strings
    dropped_attributes_count uinteger not null, -- InstrumentationScope.dropped_attributes_count
    raw blob,                                   -- scope as protobuf, only when the columns cannot hold it
    schema_url varchar not null                 -- ScopeSpans.schema_url
);

-- Every span once, losslessly, in order of arrival. No key and no index: they cost more than the
-- zone maps save (150 instead of 22 bytes per row, measured). Writers keep rows unique.
create table if not exists stored.spans (
    trace_id uuid not null,                      -- Span.trace_id
    span_id ubigint not null,                    -- Span.span_id, big-endian
    parent_span_id ubigint not null,             -- Span.parent_span_id, 0: root span
    trace_state varchar,                         -- Span.trace_state, null: empty
    flags uinteger not null,                     -- Span.flags
    name varchar not null,                       -- Span.name
    kind integer not null,                       -- Span.kind, an open enum
    start_time_unix_nano ubigint not null,       -- Span.start_time_unix_nano, verbatim
    duration_ns bigint,                          -- from Span.start_time_unix_nano to Span.end_time_unix_nano, null: see duration_of
    odd_end_unix_nano ubigint,                   -- Span.end_time_unix_nano where duration_ns is null (0: not ended), see end_of; else null
    status_code integer not null,                -- Status.code
    status_message varchar,                      -- Status.message, null: empty
    attributes map(varchar, varchar),            -- Span.attributes without a home, as text
    attribute_types varchar,                     -- one type code per attribute, null: all strings
    home_bits varchar not null,                  -- which attributes stand in a column or payload: a number as text, few of which take less room
    dropped_attributes_count uinteger not null,  -- Span.dropped_attributes_count
    events struct(
        time_unix_nano ubigint, name varchar, attributes map(varchar, varchar),
        attribute_types varchar, dropped_attributes_count uinteger
    )[],                                         -- Span.events, in their order, null: none
    dropped_events_count uinteger not null,      -- Span.dropped_events_count
    links struct(
        trace_id blob, span_id blob, trace_state varchar, attributes map(varchar, varchar),
        attribute_types varchar, dropped_attributes_count uinteger, flags uinteger
    )[],                                         -- Span.links, in their order, null: none
    dropped_links_count uinteger not null,       -- Span.dropped_links_count
    raw blob,                                    -- Span as protobuf, only when the columns cannot hold it
    resource_id ubigint not null,                -- stored.resources
    scope_id ubigint not null,                   -- stored.scopes
    -- what the mapping made of it
    dialect varchar not null,                    -- profile that mapped the span
    is_folded boolean not null default false,    -- what it says is folded with others: its step stands in stored.attempts
    role varchar,                                -- execution, step or operation
    live_phase varchar,                          -- started or heartbeat: a live marker
    execution_id varchar not null,               -- execution the span belongs to
    is_explicit boolean not null,                -- the span itself named its execution
    step_id varchar,                             -- null: the span is its own step
    step_name varchar,                           -- name of the step: the sender's, else the span's
    step_type varchar,                           -- kind of step, open vocabulary
    step_index integer,                          -- position among the steps, from 0
    attempt integer,                             -- number of this try, from 1
    max_attempts integer,                        -- tries the retry policy allows, null: no policy
    is_expected_retry boolean,                   -- the retry policy expected its error (R117)
    status varchar,                              -- canonical status, of steps never null
    status_native varchar,                       -- the sender's own word
    error_type varchar,                          -- class of the error that ended it
    error_message varchar,                       -- message of that error
    workflow_id varchar,                         -- stable identity of the workflow
    short_workflow_name varchar,                 -- name of the workflow, see restored
    workflow_version varchar,                    -- version of the workflow's definition
    project varchar,                             -- project of the workflow
    trigger_type varchar,                        -- what started the execution (R007), open vocabulary
    tags varchar,                                -- JSON array
    parent_execution_id varchar,                 -- execution that started this one
    root_execution_id varchar,                   -- top of the tree of executions
    is_from_log boolean not null default false,  -- told by a log record, as one that goes on; never sent as a span
    exit_code integer,                           -- exit code of the process it stood for (R062)
    user_id varchar,                             -- who the execution runs for (R098)
    ingested_at timestamp_ns not null            -- UTC, when the collector committed it
);

-- Spans that started and have not ended, as live markers or unfinished spans tell. The final span
-- removes the row.
create table if not exists stored.open_spans (
    trace_id uuid not null,                 -- trace of the open span
    span_id ubigint not null,               -- the open span
    parent_span_id ubigint not null,        -- 0: root span
    name varchar not null,                  -- its name
    start_time_unix_nano ubigint not null,  -- when it started
    last_seen_unix_nano ubigint not null,   -- newest sign of life
    dialect varchar not null,               -- profile that mapped it
    role varchar,                           -- execution, step or operation
    execution_id varchar not null,          -- execution it belongs to
    step_id varchar,                        -- null: the span is its own step
    step_name varchar,                      -- name of the step
    step_type varchar,                      -- kind of step, open vocabulary
    step_index integer,                     -- position among the steps, from 0
    attempt integer,                        -- number of this try, from 1
    max_attempts integer,                   -- tries the retry policy allows, null: no policy
    silence_ns ubigint,                     -- how long it may be silent before it counts as lost, null: as long as the setting says
    ingested_at timestamp_ns not null       -- UTC, first commit
);

-- One row per execution, kept by a merge that is associative, commutative and idempotent: minima,
-- maxima, and for the outcome the final span that ended last. Order and duplicates cannot matter.
create table if not exists stored.executions (
    execution_id varchar not null,         -- identity: the id a span named, else the trace id in hex
    execution_key uinteger not null,       -- see macro execution_key: comparing numbers takes a tenth of comparing ids
    dialect varchar,                       -- profile that mapped its spans; a specific one wins over otel
    service_name varchar,                  -- attribute service.name of its resource
    workflow_id varchar,                   -- stable identity of the workflow
    workflow_name varchar,                 -- name of the workflow
    workflow_version varchar,              -- version of the workflow's definition
    project varchar,                       -- project of the workflow
    trigger_type varchar,                  -- what started it (R007), open vocabulary
    user_id varchar,                       -- who it runs for (R098)
    tags varchar,                          -- JSON array
    parent_execution_id varchar,           -- execution that started it
    root_execution_id varchar,             -- top of its tree of executions, null: itself
    started_at timestamp_ns,               -- start as the views show it, kept so that lists prune; null: unknown
    ended_at timestamp_ns,                 -- end as the views show it; null: not ended
    duration_ns bigint,                    -- from start to end as the views show it, kept because most questions are about it
    started_unix_nano ubigint,             -- least start of the execution's own spans, null: none seen
    queued_unix_nano ubigint,              -- when it was queued, null: not told
    first_unix_nano ubigint not null,      -- least start of all its spans
    last_seen_unix_nano ubigint not null,  -- newest sign of life of all its spans
    last_start_unix_nano ubigint not null, -- greatest start of all its spans: bound for scans
    any_trace_id uuid not null,            -- greatest trace id of its spans
    final_end_unix_nano ubigint,           -- end of the winning final span, null: not ended
    final_start_unix_nano ubigint,         -- its start, null: first_unix_nano
    final_trace_id uuid,                   -- its trace id, null: any_trace_id
    final_span_id ubigint,                 -- its span id
    status varchar,                        -- of the winning final span; of an open one queued, waiting or retrying
    status_native varchar,                 -- the sender's own word for status
    error_type varchar,                    -- class of the error that ended it
    error_message varchar,                 -- message of that error
    exit_code integer,                     -- exit code of the process it stood for (R062)
    execution_name varchar,                -- the sender's own name for this execution, null: none
    session_id varchar,                    -- session or conversation it belongs to
    retry_of_execution_id varchar,         -- execution that it runs again
    continued_from_execution_id varchar,   -- execution whose work it goes on with
    try_count integer,                     -- tries of the whole execution that were told, null: none
    is_folded boolean not null default false, -- folded with other spans' contributions, see stored.attempts
    silence_ns ubigint,                    -- how long it may be silent before it counts as lost, null: as long as the setting says
    attempt_count ubigint not null,        -- finished step attempts
    failed_attempt_count ubigint not null, -- those of them that failed or timed out
    span_count ubigint not null,           -- finished spans of every role
    ingested_at timestamp_ns not null,     -- first commit
    updated_at timestamp_ns not null       -- newest commit
);

-- What executions and tries counted that retention has removed, per hour: counts exact, durations in
-- buckets of ±1 %. Written in the transaction that removes them; what is still there is not in it.
create table if not exists stored.rollups (
    hour_at timestamp_ns,            -- hour of the start, UTC; null: the start is unknown
    workflow_id varchar not null,    -- identity of the workflow as view executions has it
    project varchar,                 -- project of the workflow
    step_name varchar,               -- name of the step; null: the executions themselves
    status varchar not null,         -- canonical status when they were removed
    count ubigint not null,          -- executions, or tries of the step
    ended ubigint not null,          -- those of them that had ended
    retries ubigint not null,        -- tries beyond the first
    timed ubigint not null,          -- those of them with a duration
    total_ns hugeint not null,       -- all durations together
    min_ns bigint,                   -- shortest duration, null: none has one
    max_ns bigint,                   -- longest duration, null: none has one
    buckets map(integer, ubigint)    -- durations per bucket, see macro duration_bucket; null: none
);

-- Tries of steps that are folded from what several spans say, or from events; those of spans that say
-- everything themselves stand in stored.spans. Folded anew whenever a batch touches their execution.
create table if not exists stored.attempts (
    execution_id varchar not null,        -- execution the step belongs to
    step_id varchar not null,             -- identity of the step within its execution
    step_name varchar,                    -- name of the step
    step_type varchar,                    -- kind of step, open vocabulary
    step_index integer,                   -- position among the steps, from 0, null: not told
    attempt integer not null,             -- number of this try, from 1
    max_attempts integer,                 -- tries the retry policy allows, null: no policy
    is_expected_retry boolean,            -- the retry policy expected its error (R117)
    status varchar not null,              -- canonical status
    status_native varchar,                -- the sender's own word
    queued_unix_nano ubigint,             -- when it was scheduled, null: not told
    started_unix_nano ubigint not null,   -- start
    ended_unix_nano ubigint,              -- end, null: it goes on, or nobody tells
    last_seen_unix_nano ubigint not null, -- newest sign of life
    silence_ns ubigint,                   -- how long it may be silent before it counts as lost, null: as long as the setting says
    error_type varchar,                   -- class of the error that ended it
    error_message varchar,                -- message of that error
    error_stack varchar,                  -- stack of that error
    dialect varchar not null,             -- profile that mapped it
    trace_id uuid not null,               -- trace of the span that tells most about it
    span_id ubigint not null,             -- that span
    parent_span_id ubigint not null,      -- its parent, 0: root span
    ingested_at timestamp_ns not null     -- UTC, when it was folded
);

-- One row per trace and execution: the way from a trace to its executions and back, with the time
-- bounds that let a scan of stored.spans skip row groups.
create table if not exists stored.traces (
    trace_id uuid not null,                 -- the trace
    execution_id varchar not null,          -- an execution with spans in it
    has_explicit boolean not null,          -- some span of it named the execution itself
    has_implicit boolean not null,          -- some span of it was assigned by the trace
    has_folded boolean not null default false, -- its spans are folded together
    first_start_unix_nano ubigint not null, -- least start
    last_start_unix_nano ubigint not null   -- greatest start
);

-- Large traces with spans that are not folded into executions and steps yet: that is done after a
-- while for many at once, since all spans of a trace are folded together.
create table if not exists stored.unfolded_traces (
    trace_id uuid not null                  -- the trace
);

-- Inputs, outputs, params, trigger data and large attribute values, apart from the spans: they are
-- kept for a shorter time and would ruin scans.
create table if not exists stored.payloads (
    execution_id varchar not null,         -- execution of the span
    trace_id uuid not null,                -- trace of the span
    span_id ubigint not null,              -- span the value came with
    start_time_unix_nano ubigint not null, -- of the span: a span id may be used again
    kind varchar not null,                 -- input, output, params, trigger or attribute
    key varchar not null,                  -- attribute key
    media_type varchar not null,           -- application/json or text/plain
    body varchar not null,                 -- the value; a cut one ends where the sender cut it
    size_bytes ubigint not null,           -- of the whole value, before the sender cut it
    sha256 varchar,                        -- hex, of the whole value; only when it was cut
    is_truncated boolean not null,         -- the sender cut the value
    live_phase varchar,                    -- the span is a live marker: started or heartbeat, else null
    open_span_id ubigint,                  -- the open span that a live marker speaks of
    ingested_at timestamp_ns not null      -- UTC, when the collector committed it
);

-- Every OTLP log record, losslessly.
create table if not exists stored.log_records (
    time_unix_nano ubigint not null,            -- LogRecord.time_unix_nano, 0: unknown
    observed_time_unix_nano ubigint not null,   -- LogRecord.observed_time_unix_nano
    severity_number integer not null,           -- LogRecord.severity_number
    severity_text varchar,                      -- LogRecord.severity_text, null: empty
    event_name varchar,                         -- LogRecord.event_name, null: empty
    body varchar,                               -- LogRecord.body as text, null: none
    body_type varchar,                          -- type code of the body, null: string or none
    attributes map(varchar, varchar),           -- LogRecord.attributes as text
    attribute_types varchar,                    -- one type code per attribute, null: all strings
    dropped_attributes_count uinteger not null, -- LogRecord.dropped_attributes_count
    flags uinteger not null,                    -- LogRecord.flags
    trace_id uuid,                              -- LogRecord.trace_id, null: none
    span_id ubigint,                            -- LogRecord.span_id, null: none
    raw blob,                                   -- LogRecord as protobuf, only when the columns cannot hold it
    resource_id ubigint not null,               -- stored.resources
    scope_id ubigint not null,                  -- stored.scopes
    execution_id varchar,                       -- attribute workflow.execution.id
    execution_key uinteger,                     -- see macro execution_key: comparing numbers is quick; null: it names none
    sequence bigint,                            -- attribute stepscope.log.sequence (R065)
    ingested_at timestamp_ns not null           -- UTC, when the collector committed it
);

-- Log records that were refused because their execution had as many as the limits allow (R090). One row
-- per execution, or per trace of records that name none.
create table if not exists stored.log_drops (
    execution_id varchar,                 -- attribute workflow.execution.id, null: the records name none
    trace_id uuid,                        -- their trace where they name no execution, else null
    dropped_count ubigint not null,       -- log records
    first_dropped_at timestamp_ns not null, -- UTC, commit of the first of them
    last_dropped_at timestamp_ns not null -- commit of the newest
);

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
);

-- What was refused, and why.
create table if not exists stored.rejections (
    received_at timestamp_ns not null,  -- UTC
    signal varchar not null,            -- traces, logs or metrics
    reason varchar not null,            -- closed list, see docs/reference
    message varchar not null,           -- what was wrong, the value, the limit, the remedy
    rejected_count ubigint not null,    -- spans, log records or points; 0: a whole request not decoded
    trace_id varchar,                   -- hex as sent
    span_id varchar,                    -- hex as sent
    name varchar,                       -- span, metric or event name
    payload_bytes ubigint not null,     -- size of the request
    sender varchar                      -- address of the sender; in brackets the name of its token and its user agent
);

-- Recently committed log and metric requests by content hash: a sender that retries after a lost
-- answer changes nothing. Spans have their own identity and need no row here.
create table if not exists stored.requests (
    request_hash uuid not null,          -- hash of the uncompressed request
    received_at timestamp_ns not null    -- UTC
);

-- Re-mappings of the history with the profiles of now: what each was asked for and how far it is. The
-- position is written with the rows it speaks of, so a remap goes on where it was, whatever ended it.
create table if not exists stored.remaps (
    remap_id bigint not null,              -- when it was asked for, ns since the epoch
    state varchar not null,                -- running, finished or stopped
    since_unix_nano ubigint not null,      -- only traces with spans that started at or after this
    dialect varchar,                       -- only traces that this profile mapped or maps now, null: all
    position_unix_nano ubigint not null,   -- the traces before this start are done
    position_trace_id uuid not null,       -- of those that start there, the ones up to this
    trace_count ubigint not null,          -- traces to look at, when it began
    done_count ubigint not null,           -- traces looked at
    remapped_count ubigint not null,       -- traces mapped anew
    span_count ubigint not null,           -- their spans
    failed_count ubigint not null,         -- traces that stayed as they were, because that failed
    last_error varchar,                    -- why, the last time
    updated_at timestamp_ns not null       -- newest commit
);

-- The profiles that the server which wrote last had in force: what each fills and what it knows that
-- its engine does not emit.
create table if not exists stored.profiles (
    name varchar not null,            -- name of the dialect
    told varchar not null,            -- JSON: description, version, priority, origin, source, fills, not_emitted
    loaded_at timestamp_ns not null   -- UTC, since when it is in force like this
);

-- Schema of what the views of all older designs are made of.
create schema if not exists compat;

-- Schema of the views that show the history as the tables of older design 000.
create schema if not exists compat_000;

-- Schema of the views that show the history as the tables of older design 001.
create schema if not exists compat_001;

-- Schema of the views that show the history as the tables of older design 002.
create schema if not exists compat_002;

-- Schema of the views that show the history as the tables of older design 003.
create schema if not exists compat_003;

-- Schema of the views that show the history as the tables of older design 004.
create schema if not exists compat_004;

-- What was deleted when somebody asked, so that late spans, log records and points do not bring it
-- back. One row per trace of a deleted execution; ids are hashed, for nothing of it is to stay.
create table if not exists stored.tombstones (
    execution_hash uuid not null,       -- MD5 of the id of the execution
    trace_hash uuid,                    -- MD5 of the id of a trace it was in as 32 hex digits, null: none
    is_whole boolean not null,          -- the trace held nothing else
    span_ids ubigint[],                 -- its spans in a trace that holds others, too
    deleted_at timestamp_ns not null,   -- UTC
    ends_at timestamp_ns not null       -- UTC, when it may be forgotten
);

-- Executions that retention leaves alone, whatever its rules say.
create table if not exists stored.pins (
    execution_id varchar not null,    -- the execution
    pinned_at timestamp_ns not null   -- UTC
);

-- Statements that somebody has given a name to ask them again: `stepscope query save`.
create table if not exists stored.queries (
    name varchar not null,            -- lower-case letters, digits and underscores; no two have the same
    statement varchar not null,       -- SQL that the guard has let through
    params varchar[] not null,        -- names of its $parameters, in order of the alphabet
    description varchar,              -- what it answers, in the words of who saved it
    saved_at timestamp_ns not null    -- UTC
);
