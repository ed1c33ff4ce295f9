package build

import (
	"context"
	"fmt"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/pure/shard"
	"github.com/slipwayhq/slipway/internal/wire"
)

// sharedPoll is how often a waiting worker's request looks for work of its own accord where other servers may have made some.
const sharedPoll = 500 * time.Millisecond

// avoidFor is how long a worker that could not do its part is kept from the same build, while there are others.
const avoidFor = time.Minute

// Lease waits up to wire.PollTime for work and lends it to the agent; nil when there was none.
func (s *Service) Lease(ctx context.Context, agent string, req wire.LeaseRequest) (*wire.Lease, error) {
	s.work.park(1)
	defer s.work.park(-1)
	if err := s.db.Tx(ctx, func(tx *db.Tx) error { return seen(ctx, tx, agent, "", tx.Now()) }); err != nil {
		return nil, err
	}
	over := time.NewTimer(wire.PollTime)
	defer over.Stop()
	look, stop := s.lookAgain()
	defer stop()
	for {
		news := s.work.watch()
		l, err := s.grant(ctx, agent, req.Warm)
		if l != nil && ctx.Err() != nil {
			return nil, s.Undo(context.WithoutCancel(ctx), agent, l.ID) // nobody is there to take it
		}
		if err != nil || l != nil {
			return l, err
		}
		select {
		case <-news:
		case <-look:
		case <-over.C:
			return nil, nil
		case <-ctx.Done():
			return nil, nil // the worker hung up
		}
	}
}

// lookAgain ticks where news may come from other servers, which cannot wake this one.
func (s *Service) lookAgain() (<-chan time.Time, func()) {
	if !s.db.Shared() {
		return nil, func() {}
	}
	tick := time.NewTicker(sharedPoll)
	return tick.C, tick.Stop
}

// grant lends the most urgent piece of work, if there is any.
func (s *Service) grant(ctx context.Context, agent string, warm []string) (*wire.Lease, error) {
	var out *wire.Lease
	err := s.change(ctx, func(tx *db.Tx) error {
		all, err := candidates(ctx, tx, agent)
		if err != nil {
			return err
		}
		for _, c := range inOrder(all, warm, tx.Now()) {
			b, err := oneBuild(ctx, tx, `id = $1`, c.ID)
			if err != nil {
				return err
			}
			if out, err = s.grantFrom(ctx, tx, b, agent); err != nil || out != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for work for %s: %w", agent, err)
	}
	return out, nil
}

// Undo takes back a lease that did not reach its worker, as if it had never been granted.
func (s *Service) Undo(ctx context.Context, agent, id string) error {
	return s.change(ctx, func(tx *db.Tx) error {
		l, err := heldLease(ctx, tx, agent, id)
		if err != nil {
			return err
		}
		b, err := oneBuild(ctx, tx, `id = $1`, l.Build)
		if err != nil || b == nil {
			return err
		}
		if err := l.end(ctx, tx, leaseCancelled, "It did not reach the worker.", false); err != nil {
			return err
		}
		tx.OnCommit(s.work.wake)
		tx.OnCommit(s.tidy)
		switch l.Kind {
		case wire.LeaseList:
			return changeSuite(ctx, tx, b.ID, l.Suite, func(st *suite) { st.State = suiteWaiting })
		case wire.LeasePackage:
			b.Package = packageWaits
			return b.save(ctx, tx)
		default:
			_, err := tx.Exec(ctx, `UPDATE build_units SET status = 'waiting', attempts = attempts - 1 WHERE build = $1 AND lease = $2 AND status = 'running'`, b.ID, l.ID)
			return err
		}
	})
}

// candidates reads the open builds, as little of them as the choice needs.
func candidates(ctx context.Context, tx *db.Tx, agent string) ([]candidate, error) {
	since := db.Micros(tx.Now().Add(-avoidFor))
	present := db.Micros(tx.Now().Add(-present))
	rows, err := tx.Query(ctx, `SELECT b.id, b.app, b.number, b.state, b.hurry, b.queued_at, b.started_at,
		(SELECT COUNT(*) FROM build_leases l WHERE l.build = b.id AND l.agent = $1 AND l.fault = 1 AND l.ended_at > $2
			AND EXISTS (SELECT 1 FROM build_workers w WHERE w.agent <> $1 AND w.seen_at > $3))
		FROM build_builds b WHERE b.state IN `+openStates, agent, since, present)
	if err != nil {
		return nil, fmt.Errorf("read the open builds: %w", err)
	}
	defer rows.Close()
	var all []candidate
	for rows.Next() {
		var c candidate
		var state string
		var hurry, queued, started, faults int64
		if err := rows.Scan(&c.ID, &c.App, &c.Number, &state, &hurry, &queued, &started, &faults); err != nil {
			return nil, fmt.Errorf("read the open builds: %w", err)
		}
		c.State, c.Hurry, c.Avoid, c.Since = State(state), hurry == 1, faults > 0, db.Time(started)
		if c.State == Queued {
			c.Since = db.Time(queued)
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

// grantFrom lends a piece of one build, nil when it has none to lend. A queued build is started by it.
func (s *Service) grantFrom(ctx context.Context, tx *db.Tx, b *row, agent string) (*wire.Lease, error) {
	if b.State == Queued {
		if err := s.start(ctx, tx, b); err != nil {
			return nil, err
		}
	}
	if !b.State.Open() {
		return nil, nil
	}
	m, err := readManifest(b.Manifest)
	if err != nil {
		return nil, err
	}
	all, err := suites(ctx, tx, b.ID)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].State == suiteWaiting {
			return grantList(ctx, tx, b, agent, &all[i], i, testOf(m, all[i].Name))
		}
	}
	waiting, err := waitingUnits(ctx, tx, b.ID)
	if err != nil {
		return nil, err
	}
	if len(waiting) > 0 {
		return s.grantUnits(ctx, tx, b, agent, m, waiting)
	}
	st := b.standing(all, false)
	if !mayPackage(st, 0) {
		return nil, nil
	}
	return grantPackage(ctx, tx, b, agent, m)
}

func testOf(m *manifest.Manifest, name string) manifest.Test {
	for _, t := range m.Tests {
		if t.Name == name {
			return t
		}
	}
	return manifest.Test{Name: name} // cannot be: suites are made from the manifest
}

// lend makes a lease's row and what the worker is told of it.
func lend(ctx context.Context, tx *db.Tx, b *row, agent string, w wire.Lease) (*wire.Lease, lease, error) {
	w.ID, w.Build, w.App, w.Env = event.NewKey("lse", tx.Now()), b.ID, b.App, b.Env
	w.Commit, w.Tree = b.Head, b.Tree
	l := lease{ID: w.ID, Build: b.ID, Kind: w.Kind, Suite: w.Suite, Agent: agent, Units: len(w.Units), Deadline: tx.Now().Add(w.Timeout + leaseSlack)}
	return &w, l, l.insert(ctx, tx)
}

func grantList(ctx context.Context, tx *db.Tx, b *row, agent string, st *suite, position int, t manifest.Test) (*wire.Lease, error) {
	st.State = suiteListing
	if err := st.save(ctx, tx, b.ID, position); err != nil {
		return nil, err
	}
	w, _, err := lend(ctx, tx, b, agent, wire.Lease{Kind: wire.LeaseList, Suite: t.Name, Command: t.List, Environ: environ(t), Timeout: t.Timeout.Duration})
	return w, err
}

func (s *Service) grantUnits(ctx context.Context, tx *db.Tx, b *row, agent string, m *manifest.Manifest, waiting map[string][]shard.Unit) (*wire.Lease, error) {
	single := map[string]bool{}
	for _, t := range m.Tests {
		single[t.Name] = t.Format == manifest.FormatExit
	}
	workers, err := s.workers(ctx, tx)
	if err != nil {
		return nil, err
	}
	name, units := nextUnits(s.opts.Policy, waiting, single, workers)
	t := testOf(m, name)
	w, l, err := lend(ctx, tx, b, agent, wire.Lease{Kind: wire.LeaseTest, Suite: name, Command: t.Run, Units: units, Format: string(t.Format),
		Report: t.Report, Environ: environ(t), Timeout: t.Timeout.Duration})
	if err != nil {
		return nil, err
	}
	return w, lendUnits(ctx, tx, l, units)
}

func grantPackage(ctx context.Context, tx *db.Tx, b *row, agent string, m *manifest.Manifest) (*wire.Lease, error) {
	b.Package = packageRuns
	if err := b.save(ctx, tx); err != nil {
		return nil, err
	}
	w, _, err := lend(ctx, tx, b, agent, wire.Lease{Kind: wire.LeasePackage, Command: m.Package.Run, Environ: []string{"CI=true"},
		Timeout: m.Package.Timeout.Duration, Path: m.Package.Path})
	return w, err
}

// workers estimates how many share the queue: those that run something, and those that ask, here or elsewhere.
func (s *Service) workers(ctx context.Context, tx *db.Tx) (int, error) {
	var running int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM build_leases WHERE state = 'running'`).Scan(&running); err != nil {
		return 0, fmt.Errorf("count the leases: %w", err)
	}
	here := running + s.work.park(0)
	everywhere, err := connected(ctx, tx, tx.Now())
	return max(here, everywhere, 1), err
}
