-- Which run made each current version, from which inputs, and with which annotators?
with last_run as (
    from runs qualify row_number() over (partition by asset, partition, data_version order by recorded_at desc) = 1
),
used as (
    select signal, source, list(distinct coalesce(model || '@' || coalesce(revision, '?'), annotator)) as annotators
    from annotations
    left join annotators a using (annotator)
    where annotator is not null
    group by signal, source
)
select
    v.asset,
    v.partition,
    r.run_id,
    r.ended_at,
    v.data_version,
    v.rows,
    v.inputs,
    list_sort(used.annotators) as annotators
from versions v
left join last_run r
    on r.asset = v.asset and r.partition is not distinct from v.partition and r.data_version = v.data_version
left join used on used.signal = v.asset and used.source = v.partition
order by v.asset, v.partition
