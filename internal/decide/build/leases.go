package build

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/wire"
)

const leaseColumns = `id, build, kind, suite, agent, units, state, granted_at, deadline`

func leases(ctx context.Context, q db.Querier, where string, args ...any) ([]lease, error) {
	rows, err := q.Query(ctx, `SELECT `+leaseColumns+` FROM build_leases WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read leases: %w", err)
	}
	defer rows.Close()
	var all []lease
	for rows.Next() {
		var l lease
		var granted, deadline int64
		if err := rows.Scan(&l.ID, &l.Build, &l.Kind, &l.Suite, &l.Agent, &l.Units, &l.State, &granted, &deadline); err != nil {
			return nil, fmt.Errorf("read leases: %w", err)
		}
		l.Granted, l.Deadline = db.Time(granted), db.Time(deadline)
		all = append(all, l)
	}
	return all, rows.Err()
}

// heldLease reads a lease that the agent holds. It is a conflict when it was lost or is over, for its late results must not count.
func heldLease(ctx context.Context, q db.Querier, agent, id string) (lease, error) {
	l, err := ownLease(ctx, q, agent, id)
	if err != nil {
		return lease{}, err
	}
	return l, l.mustRun()
}

// ownLease finds a lease of a worker, over or not.
func ownLease(ctx context.Context, q db.Querier, agent, id string) (lease, error) {
	all, err := leases(ctx, q, `id = $1 AND agent = $2`, id, agent)
	if err != nil {
		return lease{}, err
	}
	if len(all) == 0 {
		return lease{}, fault.NotFound("There is no lease %s of yours.", id)
	}
	return all[0], nil
}

// mustRun is a conflict when the lease is over.
func (l lease) mustRun() error {
	if l.State != leaseRunning {
		return fault.Conflict("Lease %s is over (%s).", l.ID, l.State)
	}
	return nil
}

func (l lease) insert(ctx context.Context, tx *db.Tx) error {
	now := db.Micros(tx.Now())
	_, err := tx.Exec(ctx, `INSERT INTO build_leases (id, build, kind, suite, agent, units, state, phase, granted_at, beat_at, deadline, started_at, ended_at,
		setup_us, ran_us, upload_us, exit, reason, fault, log_size, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, '', $8, $8, $9, 0, 0, 0, 0, 0, 0, '', 0, 0, 0)`,
		l.ID, l.Build, l.Kind, l.Suite, l.Agent, l.Units, leaseRunning, now, db.Micros(l.Deadline))
	if err != nil {
		return fmt.Errorf("grant a lease of build %s: %w", l.Build, err)
	}
	return nil
}

// end closes a lease without a result.
func (l lease) end(ctx context.Context, tx *db.Tx, state, reason string, faulty bool) error {
	_, err := tx.Exec(ctx, `UPDATE build_leases SET state = $1, reason = $2, fault = $3, ended_at = $4 WHERE id = $5`,
		state, clean(reason), bit(faulty), db.Micros(tx.Now()), l.ID)
	if err != nil {
		return fmt.Errorf("end lease %s: %w", l.ID, err)
	}
	return nil
}

// finish closes a lease with its result.
func (l lease) finish(ctx context.Context, tx *db.Tx, r wire.LeaseResult, reason string) error {
	started := db.Micros(r.Started)
	if started <= 0 {
		started = db.Micros(l.Granted)
	}
	_, err := tx.Exec(ctx, `UPDATE build_leases SET state = $1, ended_at = $2, started_at = $3, setup_us = $4, ran_us = $5, upload_us = $6,
		exit = $7, log_size = $8, reason = $9 WHERE id = $10`,
		leaseDone, db.Micros(tx.Now()), started, r.Setup.Microseconds(), r.Ran.Microseconds(), r.Upload.Microseconds(), r.Exit, r.LogSize, reason, l.ID)
	if err != nil {
		return fmt.Errorf("end lease %s: %w", l.ID, err)
	}
	return nil
}

// Beat notes that the worker is still at it and says whether it should go on.
func (s *Service) Beat(ctx context.Context, agent, id string, beat wire.LeaseBeat) (wire.LeaseOrder, error) {
	var order wire.LeaseOrder
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		var state, reason string
		err := tx.QueryRow(ctx, `UPDATE build_leases SET phase = $1, started_at = CASE WHEN $1 = 'run' AND started_at = 0 THEN $2 ELSE started_at END,
			beat_at = $2 WHERE id = $3 AND agent = $4 RETURNING state, reason`,
			clean(beat.Phase), db.Micros(tx.Now()), id, agent).Scan(&state, &reason)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.NotFound("There is no lease %s of yours.", id)
		}
		if err != nil {
			return fmt.Errorf("note the beat of lease %s: %w", id, err)
		}
		order = wire.LeaseOrder{Cancel: state != leaseRunning, Reason: reason}
		return nil
	})
	return order, err
}

// seen notes that a worker asks for work. Its name comes with agent.joined.
func seen(ctx context.Context, tx *db.Tx, agent, name string, at time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO build_workers (agent, name, seen_at) VALUES ($1, $2, $3)
		ON CONFLICT (agent) DO UPDATE SET seen_at = excluded.seen_at, name = CASE WHEN excluded.name = '' THEN build_workers.name ELSE excluded.name END`,
		agent, name, db.Micros(at))
	if err != nil {
		return fmt.Errorf("note worker %s: %w", agent, err)
	}
	return nil
}

// present is how long a worker counts as connected after it last asked for work.
const present = wire.PollTime + wire.LostAfter

// connected counts the workers that asked for work lately, hold a lease, or had one until lately: they ask for the next in a moment.
func connected(ctx context.Context, q db.Querier, now time.Time) (int, error) {
	var n int
	err := q.QueryRow(ctx, `SELECT COUNT(*) FROM build_workers w WHERE w.seen_at > $1
		OR EXISTS (SELECT 1 FROM build_leases l WHERE l.agent = w.agent AND (l.state = 'running' OR l.ended_at > $1))`, db.Micros(now.Add(-present))).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the workers: %w", err)
	}
	return n, nil
}
