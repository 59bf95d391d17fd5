-- Which rows did only one method choose, in the order in which it chose them?
select any_value(subset) as subset, any_value(rank) as rank, row_id, any_value(source) as source,
    any_value(origin) as origin, any_value(gain) as gain
from subsets
group by row_id
having count(distinct subset) = 1
order by subset, rank
