-- Schema of the views that show the history as the tables of older design 002.
create schema if not exists compat_002
