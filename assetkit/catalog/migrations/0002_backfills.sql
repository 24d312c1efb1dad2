-- Backfills: what was asked for, so that it can be taken up again, and where each stands.

create table known.backfill (
    backfill_id varchar not null,
    created_at bigint not null,
    targets varchar[] not null,
    request varchar not null,         -- JSON
    slots bigint not null,
    status varchar not null,
    runs varchar[] not null,
    ended_at bigint not null,
    message varchar not null,
    seq bigint not null               -- of the sequence, when it was first written
);
