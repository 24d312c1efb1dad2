-- What checks found, one row per check and look at a slot.

create table known.check_result (
    asset_id integer not null,
    ordinal bigint not null,
    key varchar,
    run_no integer not null,
    name varchar not null,
    passed boolean not null,
    severity varchar not null,        -- error or warn
    blocking boolean not null,
    description varchar not null,
    checked_at bigint not null,
    metadata varchar
);
