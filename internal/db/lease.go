package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// leaseTime is how long a singleton keeps its lease without renewing it. Several servers on one PostgreSQL take turns by it.
const leaseTime = 10 * time.Second

// acquire takes or renews the named lease for this DB's holder and tells whether it has it.
func (d *DB) acquire(ctx context.Context, name string) (bool, error) {
	now := d.Now()
	var holder string
	err := d.write.QueryRowContext(ctx, `INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
		WHERE leases.holder = excluded.holder OR leases.until < $4
		RETURNING holder`, name, d.holder, Micros(now.Add(leaseTime)), Micros(now)).Scan(&holder)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("take the lease %q: %w", name, err)
	}
	return holder == d.holder, nil
}

// release gives the lease back, so that the next server need not wait.
func (d *DB) release(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := d.write.ExecContext(ctx, `DELETE FROM leases WHERE name = $1 AND holder = $2`, name, d.holder); err != nil {
		return fmt.Errorf("give back the lease %q: %w", name, err)
	}
	return nil
}

// Single runs fn while this server holds the named lease: at most one of all servers on the store does. On SQLite there is one server (the data
// directory is locked), and fn runs at once.
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
	tick := time.NewTicker(leaseTime / 4)
	defer tick.Stop()
	for {
		held, err := d.acquire(ctx, name)
		if err != nil && ctx.Err() == nil {
			d.log.Warn("lease not taken", "lease", name, "error", err)
		}
		if held {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- fn(inner) }()
	last := d.Now()
	for {
		select {
		case err := <-done:
			return errors.Join(err, d.release(name))
		case <-tick.C:
			if held, err := d.acquire(ctx, name); err == nil && held {
				last = d.Now()
			} else if d.Now().Sub(last) > leaseTime*3/4 || err == nil {
				cancel()
			}
		}
	}
}
