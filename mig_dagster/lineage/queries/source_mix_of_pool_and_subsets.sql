-- Which share of the pool, and of each subset, comes from each source?
with parts as (
    select 'pool' as part, source from rows where in_pool
    union all
    select subset as part, source from subsets
)
select part, source, count(*) as rows, round(count(*) / sum(count(*)) over (partition by part), 4) as share
from parts
group by part, source
order by part, rows desc, source
