-- Which values two cohorts of executions do not have equally often: the share of the first cohort among
-- the executions with a value, and how many times that is its share among all. `lift_low` is the lower
-- end of the 99.7 % interval (Wilson, 1927: three standard deviations), so that a value of few executions
-- stands behind one of many. The filter compilers put conditions in the place of the marks.
-- $most: the newest so many of each cohort; $first_unix_nano, $last_start_unix_nano: see bounds.sql;
-- $least: executions a value must have; $limit: rows at most.
-- Columns: see Lift in query/cohorts.py.
with cohort as (
    select e.*, true as is_in
    from executions as e
    where true /* filter */ and (true /* cohort */)
    order by e.started_at desc nulls last, e.execution_id
    limit $most
), against as (
    select e.*, false as is_in
    from executions as e
    where true /* filter */ and (true /* against */) and not coalesce((true /* cohort */), false)
    order by e.started_at desc nulls last, e.execution_id
    limit $most
), chosen as materialized (
    from cohort union all from against
), spans as materialized (
    select s.execution_id, s.trace_id, s.span_id, s.role, s.resource_id
    from stored.spans s
    join chosen c on c.execution_id = s.execution_id
    where s.start_time_unix_nano >= cast($first_unix_nano as ubigint)
        and s.start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
), given as (
    select distinct p.execution_id, p.kind,
        case when json_valid(p.body) then cast(p.body as json) else to_json(p.body) end as document
    from stored.payloads p
    join chosen c on c.execution_id = p.execution_id
    where p.start_time_unix_nano >= cast($first_unix_nano as ubigint)
        and p.start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
        and p.live_phase is null
        and (p.kind in ('params', 'trigger') or (p.kind = 'input' and exists (
            from spans s
            where s.trace_id = p.trace_id and s.span_id = p.span_id and s.role = 'execution'
        )))
), traits as (
    unpivot (
        select execution_id, workflow_id as workflow, workflow_version as version, dialect as engine,
            trigger_type as trigger, user_id as user, project, service_name as service
        from chosen
    ) on workflow, version, engine, trigger, user, project, service into name trait value value
    union all
    select execution_id, 'tag', unnest(from_json(tags, '["varchar"]'))
    from chosen
    where json_type(tags) = 'ARRAY'
    union all
    select s.execution_id, entry.key, entry.value
    from (select distinct execution_id, resource_id from spans) s
    join (
        select resource_id, unnest(map_entries(attributes)) as entry from stored.resources
    ) r on r.resource_id = s.resource_id
    where entry.key in (
        'host.name', 'host.arch', 'os.type', 'service.version', 'service.instance.id',
        'deployment.environment.name', 'deployment.environment', 'process.runtime.version',
        'telemetry.sdk.version', 'cloud.region', 'cloud.availability_zone', 'k8s.node.name',
        'k8s.pod.name', 'k8s.cluster.name', 'container.image.name'
    )
    union all
    select g.execution_id, g.kind || ltrim(leaf.fullkey, '$'),
        coalesce(leaf.atom ->> '$', cast(leaf.value as varchar))
    from given g, json_tree(g.document) as leaf
    where leaf.type not in ('OBJECT', 'ARRAY')
), counted as (
    select
        t.trait,
        left(t.value, 200) as value,
        count(distinct t.execution_id) filter (c.is_in) as cohort_count,
        count(distinct t.execution_id) filter (not c.is_in) as against_count
    from traits t
    join chosen c on c.execution_id = t.execution_id
    where t.value is not null
    group by t.trait, left(t.value, 200)
), shared as (
    select
        *,
        cohort_count + against_count as n,
        cohort_count / (cohort_count + against_count) as share,
        (select count(*) filter (is_in) / count(*) from chosen) as share_of_all,
        (select count(*) from chosen) as all_count
    from counted
)
select
    trait,
    value,
    cohort_count,
    against_count,
    n / all_count as support,
    share,
    share / share_of_all as lift,
    greatest(0, (share + 4.5 / n - 3 * sqrt(share * (1 - share) / n + 2.25 / (n * n))) / (1 + 9 / n))
        / share_of_all as lift_low
from shared
where n >= $least and n < all_count and share_of_all > 0
order by lift_low desc, n desc, trait, value
limit $limit
