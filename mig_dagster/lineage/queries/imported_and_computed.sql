-- How many annotations came with the data, how many were computed, how many are missing?
select
    signal,
    source,
    count(*) filter (provenance = 'imported' and flag is null) as imported,
    count(*) filter (provenance is distinct from 'imported' and flag is null) as computed,
    count(*) filter (flag is not null) as missing
from annotations
group by signal, source
order by signal, source
