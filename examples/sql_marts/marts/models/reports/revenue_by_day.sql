-- ---
-- description = "Revenue of each day, and its running total."
-- ---
with by_day as (
    select sold_on, sum(revenue) as revenue from sales group by sold_on
)
select sold_on, revenue, sum(revenue) over (order by sold_on) as total
from by_day
order by sold_on
