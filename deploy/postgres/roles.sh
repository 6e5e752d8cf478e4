#!/bin/sh
# The postgres image runs this once, on an empty data folder: an owner that is no superuser, and its database.
set -eu
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres <<'SQL'
\getenv password LINERISK_DB_PASSWORD
CREATE ROLE linerisk LOGIN PASSWORD :'password';
CREATE DATABASE linerisk OWNER linerisk ENCODING 'UTF8' TEMPLATE template0;
SQL
