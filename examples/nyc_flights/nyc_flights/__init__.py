"""Every flight that left New York in 2013, and the weather it left in, as data assets.

raw (a partition a day) → clean → daily sums → monthly reports → the year.
"""

from assetkit import Definitions
from nyc_flights import clean, daily, dimensions, raw, reports

definitions = Definitions.from_modules(dimensions, raw, clean, daily, reports)
