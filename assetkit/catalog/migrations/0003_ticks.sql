-- Automation: what each tick of a schedule or sensor came to, what is remembered of each, and
-- which daemon is at work.

create table known.tick (
    source varchar not null,
    key varchar not null,             -- with the source: its identity
    instant bigint not null,
    status varchar not null,
    request varchar not null,         -- JSON
    runs varchar[] not null,
    started_at bigint not null,
    ended_at bigint not null,
    message varchar not null,
    seq bigint not null               -- of the sequence, when it was written first
);

create table known.automation (
    name varchar not null,
    since bigint not null,
    cursor varchar,                   -- NULL: none was set
    checked_at bigint not null,
    outcome varchar not null,
    message varchar not null,
    count bigint not null
);

create table known.daemon (
    holder varchar not null,
    host varchar not null,
    pid bigint not null,
    command varchar not null,
    process_started double not null,
    guarded boolean not null,         -- the holder has a file locked as long as it lives
    started_at bigint not null,
    heartbeat_at bigint not null
);
