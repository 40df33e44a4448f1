-- Schema of what the views of all older designs are made of.
create schema if not exists compat
