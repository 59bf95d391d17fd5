-- How many labels does each source touch, and how many of its rows have none?
with row_labels as (
    select n.source, n.row_id, l.label
    from (select source, row_id, unnest(tags) as tag from annotations where signal = 'tags') n
    join labels l on l.tag = n.tag and l.label is not null
),
tagged as (select source, count(*) as rows from annotations where signal = 'tags' group by source)
select
    tagged.source,
    tagged.rows,
    count(distinct row_labels.label) as labels,
    round(count(distinct row_labels.label) / (select count(distinct label) from labels), 4) as share_of_labels,
    tagged.rows - count(distinct row_labels.row_id) as rows_without_label
from tagged
left join row_labels using (source)
group by tagged.source, tagged.rows
order by tagged.source
