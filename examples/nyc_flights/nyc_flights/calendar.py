"""The days and months of 2013, as New York counts them."""

from assetkit import DailyPartitions, MonthlyPartitions

NEW_YORK = "America/New_York"

days = DailyPartitions("2013-01-01", end="2014-01-01", timezone=NEW_YORK, dimension="date")
months = MonthlyPartitions("2013-01-01", end="2014-01-01", timezone=NEW_YORK, dimension="month")
