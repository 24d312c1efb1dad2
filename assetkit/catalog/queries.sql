-- Queries by name. Values come as $parameters, tables of many rows as `incoming` (Arrow).

-- name: meta
select format, identity, seq, fence, writes from known.meta

-- name: set_meta
update known.meta set seq = $seq, fence = $fence, writes = $writes

-- name: set_format
update known.meta set format = $format

-- name: foreign_tables
select table_name from duckdb_tables() where database_name = 'known' limit 1

-- name: assets
select key, asset_id, layout, universe, definition, universe_seq, fenced from known.asset
where key in (select unnest($keys))

-- name: all_assets
select key, asset_id, layout, universe, definition, universe_seq, fenced from known.asset

-- name: next_asset_id
select coalesce(max(asset_id), 0) + 1 from known.asset

-- name: delete_assets
delete from known.asset where asset_id in (select unnest($assets))

-- name: touch_universe
update known.asset set universe_seq = $seq where asset_id = $asset

-- name: set_layout
update known.asset
set layout = $layout, universe = $universe, definition = $definition, universe_seq = $seq, fenced = $fence
where asset_id = $asset

-- name: rename_asset
update known.asset set key = $new where asset_id = $asset

-- name: move_locations
update known.materialization set location = $new || substr(location, length($old) + 1)
where asset_id = $asset and starts_with(location, $old || '/')

-- name: rename_inputs
update known.basis set inputs = list_transform(inputs, lambda x: case when x = $old then $new else x end)
where list_contains(inputs, $old)

-- name: slot_count
select count(*) from known.materialization where current and asset_id = $asset

-- name: bases
select basis_id, code, config, definition, schema, inputs from known.basis
where basis_id in (select unnest($ids))

-- name: all_bases
select basis_id, code, config, definition, schema, inputs from known.basis

-- name: run_numbers
select run_id, run_no from known.run where run_id in (select unnest($run_ids))

-- name: next_run_no
select coalesce(max(run_no), 0) + 1 from known.run

-- name: insert_run_name
insert into known.run (run_no, run_id, guarded, cancel_asked, fenced) values ($run_no, $run_id, false, false, 0)

-- name: run_number
select max(run_no) filter (run_id = $run_id), coalesce(max(run_no), 0) + 1 from known.run

-- name: insert_run
insert into known.run values ($run_no, $run_id, $status, $origin, $started_at, $ended_at,
    $started_at, $targets, $steps, $tags, $message, $host, $pid, $command, $process_started,
    $guarded, false, 0)

-- name: start_run
update known.run
set run_id = $run_id, status = $status, origin = $origin, started_at = $started_at,
    ended_at = $ended_at, heartbeat_at = $started_at, targets = $targets, steps = $steps,
    tags = $tags, message = $message, host = $host, pid = $pid, command = $command,
    process_started = $process_started, guarded = $guarded
where run_no = $run_no

-- name: finish_run
update known.run set status = $status, ended_at = $ended_at, message = $message where run_no = $run_no

-- name: lose_run
update known.run set status = 'lost', ended_at = $ended_at, message = $message, fenced = $fence
where run_no = $run_no

-- name: revive_run
update known.run set status = 'running', ended_at = null, message = '' where run_id = $run_id

-- name: running
select run_no, run_id, host, pid, command, process_started, guarded, heartbeat_at
from known.run where status = 'running'

-- name: beat
update known.run set heartbeat_at = $now where run_id = $run_id

-- name: run_state
select run_no, coalesce(status, ''), cancel_asked from known.run where run_id = $run_id

-- name: ask_cancel
update known.run set cancel_asked = true where run_no = $run_no

-- name: leases
select a.key, l.lo, l.hi, l.fence, r.run_id, r.host, r.pid, r.command
from known.lease l join known.run r using (run_no) join known.asset a using (asset_id)
order by a.key, l.lo

-- name: delete_leases
delete from known.lease where run_no = $run_no

-- name: drop_leases
delete from known.lease where asset_id = $asset

-- name: lease_count
select count(*) from known.lease

-- name: commit_state
select 'receipts', count(*) from known.receipt where commit_id = $commit_id
union all select 'failing', count(*) from known.attempt where open
union all select 'leases', count(*) from known.lease where run_no <> $run_no
union all select 'fenced', fenced from known.run where run_no = $run_no

-- name: receipt
select previous_seq, seq, refused from known.receipt where commit_id = $commit_id

-- name: published_versions
select m.asset_id, m.ordinal, m.version_hi, m.version_lo, m.ver_seq
from known.materialization m join incoming n on m.asset_id = n.asset_id and m.ordinal = n.ordinal
where m.current and m.asset_id between $first and $last and m.ordinal between $lo and $hi

-- name: supersede
update known.materialization m set current = false from incoming n
where m.current and m.asset_id = n.asset_id and m.ordinal = n.ordinal
  and m.asset_id between $first and $last and m.ordinal between $lo and $hi

-- name: close_attempts
update known.attempt a set open = false from incoming n
where a.open and a.asset_id = n.asset_id and a.ordinal = n.ordinal

-- name: columns_of
select m.schema
from known.materialization m join known.asset a using (asset_id) join known.basis b using (basis_id)
where m.current and a.key = $asset and m.schema is not null and b.code = $code
  and b.config = $config and b.definition = $definition and b.schema = $schema
order by m.seq desc, m.ordinal desc limit 1

-- name: move_checks
update known.check_result m set ordinal = n.new from incoming n
where m.asset_id = $asset and m.ordinal = n.old

-- name: newest_checks
with made as (
    select asset_id, ordinal, max(materialized_at) as at from known.materialization
    where asset_id in (select asset_id from known.check_result) group by all
), ranked as (
    select c.*, rowid as place,
           rank() over (partition by asset_id, ordinal order by checked_at desc) as age
    from known.check_result c
)
select a.key as asset, c.key as partition, c.ordinal as ordinal, name as check, passed, severity,
       blocking, description, checked_at, run_id, coalesce(metadata, '{}') as metadata
from ranked c join known.asset a using (asset_id) join known.run r using (run_no)
left join made m on c.asset_id = m.asset_id and c.ordinal = m.ordinal
where age = 1 and checked_at >= coalesce(m.at, checked_at) and ($asset is null or a.key = $asset)
order by asset, ordinal, place

-- name: checks_of_run
select a.key as asset, c.key as partition, ordinal, name as check, passed, severity,
       blocking, description, checked_at, r.run_id as run_id, coalesce(metadata, '{}') as metadata
from known.check_result c join known.asset a using (asset_id) join known.run r using (run_no)
where r.run_id = $run_id and ($asset is null or a.key = $asset)
order by asset, ordinal, c.rowid

-- name: insert_receipt
insert into known.receipt values ($commit_id, $previous_seq, $seq, $refused)

-- name: forget_receipts
delete from known.receipt where seq < $seq

-- name: open_attempts
select asset_id, ordinal, key, fingerprint, r.run_id, error_type, a.message, failed_at
from known.attempt a join known.run r using (run_no)
where open and asset_id in (select unnest($assets))
order by failed_at, attempt

-- name: observations
select asset_id, ordinal, key, data_version, observed_at, data_time, metadata
from known.observation where asset_id in (select unnest($assets)) order by asset_id, ordinal

-- name: forget_observations
delete from known.observation o using incoming n where o.asset_id = n.asset_id and o.ordinal = n.ordinal

-- name: insert_observations
insert into known.observation by name select * from incoming

-- name: dynamic
select name, ordinal, key from known.dynamic_partition where present order by name, ordinal

-- name: dynamic_of
select key, ordinal, present from known.dynamic_partition where name = $name

-- name: insert_dynamic
insert into known.dynamic_partition by name select $name as name, ordinal, key, true as present from incoming

-- name: set_present
update known.dynamic_partition d set present = n.present from incoming n where d.name = $name and d.key = n.key

-- name: backfills
select backfill_id, created_at, targets, request, slots, status, runs, ended_at, message, seq
from known.backfill where $backfill_id is null or backfill_id = $backfill_id
order by created_at desc, seq desc

-- name: forget_backfill
delete from known.backfill where backfill_id = $backfill_id

-- name: insert_backfill
insert into known.backfill values ($backfill_id, $created_at, $targets, $request, $slots, $status,
    $runs, $ended_at, $message, $seq)

-- name: estimates
select asset_id, len(seconds), list_avg(seconds), list_aggregate(seconds, 'quantile_cont', 0.95),
       coalesce(list_avg(list_filter(rows, lambda x: x >= 0)), 0),
       coalesce(list_avg(list_filter(bytes, lambda x: x >= 0)), 0)
from known.pace where asset_id in (select unnest($assets))

-- name: keep_paces
merge into known.pace p using (
    select asset_id, list(seconds order by age desc) as seconds, list(rows order by age desc) as rows,
           list(bytes order by age desc) as bytes
    from (
        select asset_id, duration / 1e6 as seconds, rows, bytes,
               row_number() over (partition by asset_id order by seq desc, ordinal desc) as age
        from known.materialization where run_no = $run_no and outcome <> 'deleted'
    )
    where age <= $kept group by asset_id
) n using (asset_id)
when matched then update set seconds = (p.seconds || n.seconds)[-$kept:],
    rows = (p.rows || n.rows)[-$kept:], bytes = (p.bytes || n.bytes)[-$kept:]
when not matched then insert by name

-- name: slot_keys
select ordinal, key from known.materialization where current and asset_id = $asset order by ordinal

-- name: slot_sizes
select ordinal, rows, bytes from known.materialization m join known.asset a using (asset_id)
where current and a.key = $asset order by ordinal

-- name: slot_ordinals
select ordinal from known.materialization where current and asset_id = $asset order by ordinal

-- name: move_slots
update known.materialization m set ordinal = n.new from incoming n
where m.asset_id = $asset and m.ordinal = n.old

-- name: move_attempts
update known.attempt m set ordinal = n.new from incoming n
where m.asset_id = $asset and m.ordinal = n.old

-- name: move_observations
update known.observation m set ordinal = n.new from incoming n
where m.asset_id = $asset and m.ordinal = n.old

-- name: all_ordinals
select distinct ordinal from known.materialization where asset_id = $asset

-- name: rename_slots
update known.materialization m
set ordinal = n.new, key = n.key,
    ver_seq = if(m.current, $seq, m.ver_seq), location = if(m.current, n.location, m.location)
from incoming n where m.asset_id = $asset and m.ordinal = n.old

-- name: rename_checks
update known.check_result m set ordinal = n.new, key = n.key from incoming n
where m.asset_id = $asset and m.ordinal = n.old

-- name: entomb
insert into known.materialization by name
select m.* replace (false as current, 'deleted' as outcome, $seq as seq, $at as materialized_at)
from known.materialization m join incoming n on m.ordinal = n.ordinal
where m.current and m.asset_id = $asset

-- name: unpublish
update known.materialization m set current = false from incoming n
where m.current and m.asset_id = $asset and m.ordinal = n.ordinal

-- name: gist
select 'width', coalesce(max(len(inputs)), 0) from known.basis
union all select 'failing', count(*) from known.attempt where open
union all select 'leases', count(*) from known.lease
union all select 'observations', count(*) from known.observation
union all select 'paces', count(*) from known.pace
union all select 'dynamic', count(*) from known.dynamic_partition
union all select 'holds', count(*) from known.automation where starts_with(name, 'hold:')

-- name: snapshot
select asset_id, ordinal, ver_seq, read_seq, basis_id, partial::utinyint as partial, data_time, materialized_at{detail}
from known.materialization
where current and asset_id between $first and $last{some}

-- name: published
select m.*, r.run_id from known.materialization m join known.run r using (run_no)
where m.current and m.asset_id = $asset and m.ordinal between $lo and $hi
order by m.ordinal

-- name: runs
select run_id, status, origin, started_at, ended_at, (ended_at - started_at) / 1e6 as duration,
       targets, steps, tags, message,
       host, pid, command, heartbeat_at
from known.run where status is not null and ($run_id is null or run_id = $run_id)
order by started_at desc, run_no desc
limit $limit

-- name: events
select ended_at as time, a.key as asset, s.key as partition, outcome as event,
       attempts::bigint as attempt,
       duration / 1e6 as duration, reason, null as error_type, null as message, null as traceback, log
from known.step s join known.asset a using (asset_id)
where run_no = (select run_no from known.run where run_id = $run_id)
union all
select failed_at, a.key, t.key, 'attempt failed', attempt::bigint,
       duration / 1e6, '', error_type, message, traceback, null
from known.attempt t join known.asset a using (asset_id)
where run_no = (select run_no from known.run where run_id = $run_id)
order by time, asset, partition, attempt, event

-- name: history
select a.key as asset, m.key as partition, ordinal, outcome, run_id,
       format('{:016x}{:016x}', version_hi, version_lo) as data_version,
       materialized_at, nullif(data_time, (-9223372036854775808)::bigint) as data_time,
       nullif(rows, -1) as rows, nullif(bytes, -1) as bytes, duration / 1e6 as duration,
       attempt::bigint as attempt, partial, b.code as code, coalesce(metadata, '{}') as metadata
from known.materialization m
join known.asset a using (asset_id) join known.run r using (run_no) left join known.basis b using (basis_id)
where a.key = $asset and ($partition is null or m.key = $partition)
order by seq desc, ordinal desc
limit $limit

-- name: versions
select ordinal, m.seq as seq, ver_seq, read_seq, data_time, materialized_at
from known.materialization m join known.asset a using (asset_id)
where a.key = $asset and outcome <> 'deleted'
order by ordinal, m.seq

-- name: status
with slot as (
    select asset_id, count(*) as slots, sum(rows) filter (rows >= 0) as rows,
           sum(bytes) filter (bytes >= 0) as bytes, max(materialized_at) as materialized_at,
           max(data_time) as data_time, count(*) filter (partial) as partial,
           arg_max(coalesce(metadata, '{}'), materialized_at) as metadata
    from known.materialization where current group by asset_id
), failing as (
    select asset_id, count(distinct ordinal) as failing from known.attempt where open group by asset_id
), made as (
    select asset_id, ordinal, max(materialized_at) as at from known.materialization
    where asset_id in (select asset_id from known.check_result) group by all
), ranked as (
    select asset_id, ordinal, passed, severity, checked_at,
           rank() over (partition by asset_id, ordinal order by checked_at desc) as age
    from known.check_result
), checked as (
    select c.asset_id, count(*) filter (severity = 'error') as failed_checks,
           count(*) filter (severity <> 'error') as warnings
    from ranked c left join made m on c.asset_id = m.asset_id and c.ordinal = m.ordinal
    where age = 1 and not passed and checked_at >= coalesce(m.at, checked_at)
    group by all
)
select a.key as asset, coalesce(slots, 0) as slots, rows::bigint as rows, bytes::bigint as bytes,
       materialized_at, nullif(data_time, (-9223372036854775808)::bigint) as data_time,
       coalesce(partial, 0) as partial, coalesce(failing, 0) as failing,
       coalesce(failed_checks, 0) as failed_checks, coalesce(warnings, 0) as warnings,
       coalesce(metadata, '{}') as metadata
from known.asset a left join slot using (asset_id) left join failing using (asset_id)
left join checked using (asset_id)
order by asset

-- name: export_assets
select key as asset, layout, universe, definition, universe_seq from known.asset order by asset

-- name: export_materializations
select a.key as asset, m.key as partition, ordinal, outcome, run_id,
       format('{:016x}{:016x}', version_hi, version_lo) as data_version,
       materialized_at, nullif(data_time, (-9223372036854775808)::bigint) as data_time,
       nullif(rows, -1) as rows, nullif(bytes, -1) as bytes, duration / 1e6 as duration,
       attempt, partial, b.code as code, coalesce(metadata, '{}') as metadata,
       current, seq, ver_seq, read_seq, b.inputs as inputs,
       list_slice(list_concat([digest_0, digest_1, digest_2, digest_3], coalesce(digests, [])), 1, len(coalesce(counts, []))) as digests,
       coalesce(counts, []) as counts, location, nullif(size, -1) as size, nullif(mtime_ns, -1) as mtime_ns,
       nullif(inode, -1) as inode, etag, m.schema as schema
from known.materialization m
join known.asset a using (asset_id) join known.run r using (run_no) left join known.basis b using (basis_id)
order by seq, asset, ordinal

-- name: export_attempts
select a.key as asset, t.key as partition, ordinal, run_id, attempt, fingerprint, error_type, t.message as message,
       traceback, failed_at, duration / 1e6 as duration, open
from known.attempt t join known.asset a using (asset_id) join known.run r using (run_no)
order by failed_at, asset, ordinal, attempt

-- name: export_steps
select run_id, a.key as asset, s.key as partition, ordinal, outcome, s.ended_at as ended_at, duration / 1e6 as duration,
       attempts, reason, log
from known.step s join known.asset a using (asset_id) join known.run r using (run_no)
order by run_id, ended_at, asset, ordinal

-- name: export_runs
select run_id, status, origin, started_at, ended_at, (ended_at - started_at) / 1e6 as duration, targets, steps, tags,
       message, host, pid, command, heartbeat_at
from known.run where status is not null order by started_at, run_no

-- name: export_leases
select a.key as asset, lo, hi, run_id, fence
from known.lease l join known.asset a using (asset_id) join known.run r using (run_no)
order by asset, lo

-- name: export_checks
select a.key as asset, c.key as partition, ordinal, name as check, passed, severity,
       blocking, description, checked_at, r.run_id as run_id, coalesce(metadata, '{}') as metadata
from known.check_result c join known.asset a using (asset_id) join known.run r using (run_no)
order by c.rowid

-- name: export_observations
select a.key as asset, o.key as partition, ordinal, data_version, observed_at,
       nullif(data_time, (-9223372036854775808)::bigint) as data_time, coalesce(metadata, '{}') as metadata
from known.observation o join known.asset a using (asset_id) order by asset, ordinal

-- name: export_partitions
select name, ordinal, key, present from known.dynamic_partition order by name, ordinal

-- name: tick_there
select count(*) from known.tick where source = $source and key = $key

-- name: ticks
select source, key, instant, status, request, runs, started_at, ended_at, message, seq
from known.tick
where ($source is null or source = $source)
    and (not $open_only or status in ('due', 'running'))
order by instant desc, seq desc, source desc, key desc limit $limit

-- name: forget_tick
delete from known.tick where source = $source and key = $key

-- name: insert_tick
insert into known.tick values ($source, $key, $instant, $status, $request, $runs, $started_at,
    $ended_at, $message, $seq)

-- name: old_ticks
with ended as (
    select row_number() over (partition by source order by instant desc, seq desc, key desc) as age
    from known.tick where status not in ('due', 'running') and not starts_with(source, 'sensor:')
)
select count(*) from ended where age > $keep

-- name: forget_ticks
with ended as (
    select rowid as place,
        row_number() over (partition by source order by instant desc, seq desc, key desc) as age
    from known.tick where status not in ('due', 'running') and not starts_with(source, 'sensor:')
)
delete from known.tick where rowid in (select place from ended where age > $keep)

-- name: automation_states
select name, since, cursor, checked_at, outcome, message, count from known.automation
where starts_with(name, $prefix) order by name

-- name: forget_automation
delete from known.automation where name = $name

-- name: insert_automation
insert into known.automation values ($name, $since, $cursor, $checked_at, $outcome, $message,
    $count)

-- name: daemon
select holder, host, pid, command, process_started, guarded, started_at, heartbeat_at
from known.daemon

-- name: forget_daemon
delete from known.daemon

-- name: insert_daemon
insert into known.daemon values ($holder, $host, $pid, $command, $process_started, $guarded,
    $started_at, $heartbeat_at)

-- name: old_results
select count(*) from known.materialization where not current and materialized_at < $at
and (asset_id, ordinal, seq) not in (
    select (asset_id, ordinal, max(seq)) from known.materialization group by asset_id, ordinal
)

-- name: forget_old_results
delete from known.materialization where not current and materialized_at < $at
and (asset_id, ordinal, seq) not in (
    select (asset_id, ordinal, max(seq)) from known.materialization group by asset_id, ordinal
)

-- name: old_attempts
select count(*) from known.attempt where not open and failed_at < $at

-- name: forget_old_attempts
delete from known.attempt where not open and failed_at < $at

-- name: old_steps
select count(*) from known.step where ended_at < $at and run_no not in (select run_no from known.run where status = 'running')

-- name: forget_old_steps
delete from known.step where ended_at < $at and run_no not in (select run_no from known.run where status = 'running')

-- name: old_checks
select count(*) from known.check_result where checked_at < $at
and (asset_id, ordinal, name, checked_at) not in (
    select (asset_id, ordinal, name, max(checked_at)) from known.check_result
    group by asset_id, ordinal, name
)

-- name: forget_old_checks
delete from known.check_result where checked_at < $at
and (asset_id, ordinal, name, checked_at) not in (
    select (asset_id, ordinal, name, max(checked_at)) from known.check_result
    group by asset_id, ordinal, name
)

-- name: old_runs
select count(*) from known.run where ended_at < $at and status <> 'running'
and run_no < (select max(run_no) from known.run)
and run_no not in (
    select run_no from known.materialization union all select run_no from known.attempt
    union all select run_no from known.step union all select run_no from known.check_result
    union all select run_no from known.lease
)
and run_id not in (
    select unnest(runs) from known.backfill union all select unnest(runs) from known.tick
)

-- name: forget_old_runs
delete from known.run where ended_at < $at and status <> 'running'
and run_no < (select max(run_no) from known.run)
and run_no not in (
    select run_no from known.materialization union all select run_no from known.attempt
    union all select run_no from known.step union all select run_no from known.check_result
    union all select run_no from known.lease
)
and run_id not in (
    select unnest(runs) from known.backfill union all select unnest(runs) from known.tick
)

-- name: approvals
select run_id, asset, key, fingerprint, asked_at, status, decided_at, decided_by, note, spent
from known.approval
where ($run_id is null or run_id = $run_id) and not ($unspent and spent)
order by asked_at, asset, key

-- name: forget_approval
delete from known.approval
where run_id = $run_id and asset = $asset and key is not distinct from $partition

-- name: insert_approval
insert into known.approval values ($run_id, $asset, $partition, $fingerprint, $asked_at, $status,
    $decided_at, $decided_by, $note, $spent)

-- name: decide_approval
update known.approval
set status = $status, decided_at = $decided_at, decided_by = $decided_by, note = $note
where status = 'awaiting_approval' and fingerprint = $fingerprint and asset = $asset
    and key is not distinct from $partition

-- name: spend_approvals
update known.approval set spent = true
where asset = $asset and key is not distinct from $partition
