-- ---
-- description = "The product with the highest revenue."
-- tags = {audience = "management"}
-- ---
select product, sum(revenue) as revenue
from sales
group by product
order by revenue desc, product
limit 1
