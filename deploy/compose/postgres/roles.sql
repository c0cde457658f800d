-- Runs once, in an empty volume: the service owns its database and is no superuser, and the
-- superuser has no password any more: it is reached by `psql` in this container alone.
\set database_password `cat /run/secrets/database_password`
\set monitor_password `cat /run/secrets/monitor_password`
CREATE ROLE jubilee LOGIN PASSWORD :'database_password';
CREATE DATABASE jubilee OWNER jubilee;
CREATE ROLE monitor LOGIN PASSWORD :'monitor_password' IN ROLE pg_monitor;
ALTER ROLE postgres PASSWORD NULL;
