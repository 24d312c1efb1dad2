-- The first layout of the catalog.
-- Rule 1: no primary keys: they cost more than half again in space, and the one writer keeps order.
-- Rule 2: times are microseconds since 1970 UTC; -1 stands for an unknown count or size, the
--         smallest BIGINT for an unknown time (NULLs would cost a mask in each read).
-- Rule 3: each version of a slot is one row, appended; `current` marks the published one.

create table known.meta (
    format integer not null,          -- number of the newest migration applied
    identity varchar not null,        -- tells this catalog from one made later under its name
    seq bigint not null,              -- the sequence: one number per write that planners care about
    fence bigint not null,            -- the newest fencing number given out
    writes bigint not null            -- write transactions since the last checkpoint
);
insert into known.meta values (0, uuid()::varchar, 0, 0, 0);

create table known.asset (
    asset_id integer not null,
    key varchar not null,
    layout varchar not null,
    universe varchar not null,
    definition varchar not null,
    universe_seq bigint not null,
    fenced bigint not null            -- results under fences up to this one no longer fit
);

create table known.basis (
    basis_id bigint not null,
    code varchar not null,
    config varchar not null,
    definition varchar not null,
    schema varchar not null,
    inputs varchar[] not null
);

create table known.run (
    run_no integer not null,
    run_id varchar not null,
    status varchar,                   -- NULL: known by name only (adopted data)
    origin varchar,
    started_at bigint,
    ended_at bigint,
    heartbeat_at bigint,
    targets varchar[],
    steps bigint,
    tags varchar,
    message varchar,
    host varchar,
    pid bigint,
    command varchar,
    process_started double,
    guarded boolean not null,         -- the owner held a run file when it began
    cancel_asked boolean not null,
    fenced bigint not null            -- results under fences up to this one come too late
);

create table known.materialization (
    asset_id integer not null,
    ordinal bigint not null,
    key varchar,
    current boolean not null,
    seq bigint not null,
    ver_seq bigint not null,
    read_seq bigint not null,
    basis_id bigint not null,
    run_no integer not null,
    outcome varchar not null,         -- materialized, unchanged or deleted
    partial boolean not null,
    data_time bigint not null,
    materialized_at bigint not null,
    version_hi ubigint not null,
    version_lo ubigint not null,
    digest_0 ubigint not null,
    digest_1 ubigint not null,
    digest_2 ubigint not null,
    digest_3 ubigint not null,
    digests ubigint[],                -- the fifth input and on
    counts bigint[],
    rows bigint not null,
    bytes bigint not null,
    duration bigint not null,         -- microseconds
    attempt integer not null,
    location varchar,
    size bigint not null,
    mtime_ns bigint not null,
    inode bigint not null,
    etag varchar,
    schema varchar,
    metadata varchar
);

create table known.step (
    run_no integer not null,
    asset_id integer not null,
    ordinal bigint not null,
    key varchar,
    outcome varchar not null,
    ended_at bigint not null,
    duration bigint not null,
    attempts integer not null,
    reason varchar not null,
    log varchar
);

create table known.attempt (
    asset_id integer not null,
    ordinal bigint not null,
    key varchar,
    run_no integer not null,
    attempt integer not null,
    fingerprint varchar not null,
    error_type varchar not null,
    message varchar not null,
    traceback varchar not null,
    failed_at bigint not null,
    duration bigint not null,
    open boolean not null             -- no success since
);

create table known.lease (
    asset_id integer not null,
    lo bigint not null,
    hi bigint not null,
    run_no integer not null,
    fence bigint not null
);

create table known.observation (
    asset_id integer not null,
    ordinal bigint not null,
    key varchar,
    data_version varchar not null,
    observed_at bigint not null,
    data_time bigint not null,
    metadata varchar
);

create table known.dynamic_partition (
    name varchar not null,
    ordinal bigint not null,
    key varchar not null,
    present boolean not null
);

-- The newest materializations of each asset, for estimates; written when a run ends.
create table known.pace (
    asset_id integer not null,
    seconds double[] not null,
    rows bigint[] not null,
    bytes bigint[] not null
);

create table known.receipt (
    commit_id varchar not null,
    previous_seq bigint not null,
    seq bigint not null,
    refused varchar not null
);
