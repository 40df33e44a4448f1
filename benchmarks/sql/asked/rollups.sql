-- Percentiles per workflow and day, from rollups where raw rows are gone.
from workflow_days
