-- One null of a type so long that the chunk of 2,048 of them takes as much memory as is to be free afterwards:
-- nothing is written to it. To lower memory_limit for a moment would say it more plainly, but settings are locked.
select cast(null as hugeint[{length}]);
