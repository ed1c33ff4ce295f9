package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

const (
	// leaseTime is how long a singleton keeps its lease without renewing it. Several servers on one PostgreSQL take turns by it.
	leaseTime = 10 * time.Second
	// renewEvery is how often it is renewed.
	renewEvery = leaseTime / 4
	// waitEvery is how often a server that does not have the lease asks for it.
	waitEvery = time.Second
)

// over tells of a lease that its server's session has ended, as far as this very PostgreSQL knows: of sessions with another one (before a restart or a failover) it
// knows nothing. A holder is "server" or "server@session".
const over = `split_part(leases.holder, '@', 2) LIKE (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint || '/%'
	AND NOT EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.pid::text = split_part(split_part(leases.holder, '@', 2), '/', 2)
		AND COALESCE(` + listed + ` = split_part(leases.holder, '@', 2), true))`

// free tells of a lease that this server ($5) may take it at $4.
const free = `(split_part(leases.holder, '@', 1) = $5 OR leases.until < $4 OR ` + over + `)`

// acquire takes or renews the named lease for this server and its session, and tells whether it has it.
func (d *DB) acquire(ctx context.Context, name string, s session) (bool, error) {
	now := d.Now()
	holder := d.holder
	if s.name != "" {
		holder += "@" + s.name
	}
	var got string
	err := d.write.QueryRowContext(ctx, `INSERT INTO leases (name, holder, until)
		SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS BIGINT) WHERE NOT EXISTS (SELECT 1 FROM leases WHERE name = $1 AND NOT `+free+`)
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until WHERE `+free+`
		RETURNING holder`, name, holder, Micros(now.Add(leaseTime)), Micros(now), d.holder).Scan(&got)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("take the lease %q: %w", name, err)
	}
	return got == holder, nil
}

// release gives the lease back, so that the next server need not wait.
func (d *DB) release(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := d.write.ExecContext(ctx, `DELETE FROM leases WHERE name = $1 AND split_part(holder, '@', 1) = $2`, name, d.holder); err != nil {
		return fmt.Errorf("give back the lease %q: %w", name, err)
	}
	return nil
}

// Single runs fn while this server holds the named lease: at most one of all servers on the store does. On SQLite there is one server (the data
// directory is locked), and fn runs at once.
//
// A lease is given back, or free when its server's connection to PostgreSQL has ended (the server was killed), or when it was not renewed for its time (its machine
// is gone, or cut off). fn's ctx ends when the lease is lost; what fn does in transactions must stand a moment in which another server has it already.
func (d *DB) Single(ctx context.Context, name string, fn func(context.Context) error) error {
	if !d.postgres {
		return fn(ctx)
	}
	for ctx.Err() == nil {
		if err := d.whileHeld(ctx, name, fn); err != nil {
			return err
		}
	}
	return nil
}

// whileHeld waits for the lease, runs fn under it and renews it; fn is ended when the lease is lost.
func (d *DB) whileHeld(ctx context.Context, name string, fn func(context.Context) error) error {
	s, last, held := d.await(ctx, name)
	if !held {
		return nil
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- fn(inner) }()
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return errors.Join(err, d.release(name))
		case <-s.gone: // others can see that it is
			cancel()
			s.gone = nil
		case <-tick.C:
			if s.name == "" && inner.Err() == nil {
				s = d.sessions.present()
			}
			asked := d.Now()
			if held, err := d.renew(ctx, name, s); err == nil && held {
				last = asked
			} else if err == nil || d.Now().Sub(last) > leaseTime/2 {
				cancel()
			}
		}
	}
}

// await waits until this server has the lease, and gives the session that it has it by and since when; false when ctx ends first.
func (d *DB) await(ctx context.Context, name string) (s session, since time.Time, held bool) {
	tick := time.NewTicker(waitEvery)
	defer tick.Stop()
	for {
		s, since = d.sessions.present(), d.Now()
		held, err := d.acquire(ctx, name, s)
		if err != nil && ctx.Err() == nil {
			d.log.Warn("lease not taken", "lease", name, "error", err)
		}
		if held {
			return s, since, true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return s, since, false
		}
	}
}

// renew is acquire by a holder, which has to know in time when it cannot.
func (d *DB) renew(ctx context.Context, name string, s session) (held bool, err error) {
	err = within(ctx, renewEvery, func(ctx context.Context) error {
		held, err = d.acquire(ctx, name, s)
		return err
	})
	return held, err
}
