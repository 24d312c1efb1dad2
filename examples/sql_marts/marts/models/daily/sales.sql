-- ---
-- description = "What was sold on a day: refunds taken off, one row for each product."
-- ---
select
    {{ partition_key }}::date as sold_on,
    product,
    sum(pieces) as pieces,
    sum(pieces * price) as revenue
from receipts
where product is not null
group by product
order by product
