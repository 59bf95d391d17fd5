-- Which labels share information with most others?
with both_ways as (
    select label, other, weight from edges
    union all
    select other, label, weight from edges
)
select label, count(*) as neighbours, sum(weight) as weight, arg_max(other, weight) as nearest
from both_ways
group by label
order by neighbours desc, weight desc, label
