-- How many rows does each pair of subsets have in common?
select a.subset, b.subset as other, count(*) as shared, round(count(*) / any_value(sizes.rows), 4) as share_of_subset
from subsets a
join subsets b on a.row_id = b.row_id and a.subset < b.subset
join (select subset, count(*) as rows from subsets group by subset) sizes on sizes.subset = a.subset
group by a.subset, b.subset
order by shared desc, a.subset, other
