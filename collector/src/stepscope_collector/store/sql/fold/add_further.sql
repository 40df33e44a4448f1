-- Folds the traces in `further`, too.
insert into folding
from further
