#!/bin/sh
# Empties the database of TENON_POSTGRES_URL: nobody is connected, nothing is in it.
exec psql -qX "$TENON_POSTGRES_URL" -o /dev/null -c "SET client_min_messages = error" \
    -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()" \
    -c "DROP SCHEMA public CASCADE" -c "CREATE SCHEMA public"
