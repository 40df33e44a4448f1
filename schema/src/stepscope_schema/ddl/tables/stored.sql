-- Schema of the physical tables. Their layout may change with any migration; the views in
-- schema main are the contract with people and programs.
create schema if not exists stored
