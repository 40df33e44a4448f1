-- Schema of the views that show the history as the tables of older design 001.
create schema if not exists compat_001
