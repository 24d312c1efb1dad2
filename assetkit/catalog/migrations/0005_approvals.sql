-- Approvals: which steps wait for a person, and what was decided.

create table known.approval (
    run_id varchar not null,
    asset varchar not null,
    key varchar,                      -- of the partition
    fingerprint varchar not null,     -- what a decision holds for
    asked_at bigint not null,
    status varchar not null,
    decided_at bigint not null,
    decided_by varchar not null,
    note varchar not null,
    spent boolean not null            -- counts no longer: the slot was made, or the refusal noted
);
