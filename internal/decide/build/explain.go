package build

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/wire"
)

// fleet is what the waiting of a build is explained by.
type fleet struct {
	now     time.Time
	workers int // connected
	leases  []lease
	open    []openBuild
	// left is the expected time of what each open build still has to run, all units one after the other; longest that of its longest unit.
	left, longest map[string]time.Duration
	// whole is how long the last build of an environment that passed took, by app and environment; packages how long the package step takes, by app.
	whole    map[[2]string]time.Duration
	packages map[string]time.Duration
}

type openBuild struct {
	ID, App, Env string
	Number       int
	State        State
	Hurry        bool
}

// look reads the present state of the fleet.
func (s *Service) look(ctx context.Context) (*fleet, error) {
	f := &fleet{now: s.db.Now(), left: map[string]time.Duration{}, longest: map[string]time.Duration{}, whole: map[[2]string]time.Duration{},
		packages: map[string]time.Duration{}}
	var err error
	if f.workers, err = connected(ctx, s.db, f.now); err != nil {
		return nil, err
	}
	if f.leases, err = leases(ctx, s.db, `state = 'running'`); err != nil {
		return nil, err
	}
	if err := f.readOpen(ctx, s.db); err != nil {
		return nil, err
	}
	if len(f.open) == 0 {
		return f, nil
	}
	if err := f.readLeft(ctx, s.db); err != nil {
		return nil, err
	}
	if err := f.readWhole(ctx, s.db); err != nil {
		return nil, err
	}
	for _, o := range f.open {
		known, err := estimates(ctx, s.db, o.App, "")
		if err != nil {
			return nil, err
		}
		f.packages[o.App] = known[stepPackage].Duration()
	}
	return f, nil
}

func (f *fleet) readOpen(ctx context.Context, q db.Querier) error {
	rows, err := q.Query(ctx, `SELECT id, app, env, number, state, hurry FROM build_builds WHERE state IN `+openStates+` ORDER BY id`)
	if err != nil {
		return fmt.Errorf("read the open builds: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var b openBuild
		var state string
		var hurry int64
		if err := rows.Scan(&b.ID, &b.App, &b.Env, &b.Number, &state, &hurry); err != nil {
			return fmt.Errorf("read the open builds: %w", err)
		}
		b.State, b.Hurry = State(state), hurry == 1
		f.open = append(f.open, b)
	}
	return rows.Err()
}

func (f *fleet) readLeft(ctx context.Context, q db.Querier) error {
	rows, err := q.Query(ctx, `SELECT u.build, CAST(SUM(u.expected_us) AS BIGINT), MAX(u.expected_us) FROM build_units u JOIN build_builds b ON b.id = u.build
		WHERE b.state IN `+openStates+` AND u.status IN ('waiting', 'running') GROUP BY u.build`)
	if err != nil {
		return fmt.Errorf("add up what is left to run: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var sum, longest int64
		if err := rows.Scan(&id, &sum, &longest); err != nil {
			return fmt.Errorf("add up what is left to run: %w", err)
		}
		f.left[id], f.longest[id] = time.Duration(sum)*time.Microsecond, time.Duration(longest)*time.Microsecond
	}
	return rows.Err()
}

// readWhole reads the length of the last passed build of each environment with an open one.
func (f *fleet) readWhole(ctx context.Context, q db.Querier) error {
	rows, err := q.Query(ctx, `SELECT p.app, p.env, p.ended_at - p.started_at FROM build_builds p WHERE p.state = 'passed' AND p.number =
		(SELECT MAX(m.number) FROM build_builds m WHERE m.app = p.app AND m.env = p.env AND m.state = 'passed')`)
	if err != nil {
		return fmt.Errorf("read how long builds took: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var app, env string
		var us int64
		if err := rows.Scan(&app, &env, &us); err != nil {
			return fmt.Errorf("read how long builds took: %w", err)
		}
		f.whole[[2]string{app, env}] = time.Duration(us) * time.Microsecond
	}
	return rows.Err()
}

// explain says why nothing happens to a build at the moment, and how many seconds it is expected to take to its end (0: not known).
func (f *fleet) explain(b *row) (waiting string, seconds float64) {
	if !b.State.Open() {
		return "", 0
	}
	return f.why(b), f.estimate(b).Seconds()
}

func (f *fleet) why(b *row) string {
	busy := slices.ContainsFunc(f.leases, func(l lease) bool { return l.Build == b.ID })
	if busy {
		return ""
	}
	if b.State == Packaging && (b.Package == packageDone || b.Package == packageNothing) {
		for _, o := range f.open {
			if o.App == b.App && o.Env == b.Env && o.Number < b.Number {
				return fmt.Sprintf("Everything passed. It waits for build #%d, which came first.", o.Number)
			}
		}
	}
	if f.workers == 0 {
		return "No worker is connected. Start one with: slipway agent --roles work"
	}
	if len(f.leases) == 0 {
		return "A worker is about to take it."
	}
	first, others := f.holders()
	text := fmt.Sprintf("The workers are busy with build #%d of %s", first.Number, first.App)
	if others > 0 {
		text += fmt.Sprintf(" and %d more", others)
	}
	if ahead := f.ahead(b); ahead > 0 {
		text += fmt.Sprintf("; builds that wait before it: %d", ahead)
	}
	return text + "."
}

// holders gives the oldest build that has workers, and how many others have.
func (f *fleet) holders() (first openBuild, others int) {
	for _, o := range f.open {
		if !slices.ContainsFunc(f.leases, func(l lease) bool { return l.Build == o.ID }) {
			continue
		}
		if first.ID == "" {
			first = o
		} else {
			others++
		}
	}
	return first, others
}

// ahead counts the builds that wait and come before b.
func (f *fleet) ahead(b *row) (n int) {
	for _, o := range f.open {
		if o.State == Queued && o.ID != b.ID && (o.Hurry && !b.skipsTests() || o.ID < b.ID && o.Hurry == b.skipsTests()) {
			n++
		}
	}
	return n
}

// estimate adds what is before the build to its own part. It is the work over the workers, but no less than the longest unit.
func (f *fleet) estimate(b *row) time.Duration {
	var before time.Duration
	for _, o := range f.open {
		if o.ID != b.ID && o.ID < b.ID && b.State == Queued {
			before += f.own(o.ID, o.App, o.Env, o.State)
		}
	}
	own := f.own(b.ID, b.App, b.Env, b.State)
	if own == 0 {
		return 0
	}
	return before + own
}

func (f *fleet) own(id, app, env string, state State) time.Duration {
	whole := f.whole[[2]string{app, env}]
	switch state {
	case Queued, Listing:
		return whole
	case Testing:
		return max(f.longest[id], f.left[id]/time.Duration(max(f.workers, 1))) + f.packages[app]
	default:
		return f.packages[app]
	}
}

// speed gives the shortest time the test leases could have taken, max(longest, sum / slots), and what they took, in seconds. Slots are the most leases that were
// under way at once.
func speed(all []Lease, longest, sum time.Duration) (bound, makespan float64) {
	type edge struct {
		at time.Time
		by int
	}
	var edges []edge
	var first, last time.Time
	for _, l := range all {
		if l.Kind != wire.LeaseTest || l.EndedAt == nil {
			continue
		}
		edges = append(edges, edge{l.GrantedAt, 1}, edge{*l.EndedAt, -1})
		if first.IsZero() || l.GrantedAt.Before(first) {
			first = l.GrantedAt
		}
		if l.EndedAt.After(last) {
			last = *l.EndedAt
		}
	}
	if len(edges) == 0 {
		return 0, 0
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.by, b.by)) })
	now, slots := 0, 1
	for _, e := range edges {
		now += e.by
		slots = max(slots, now)
	}
	return max(longest, sum/time.Duration(slots)).Seconds(), last.Sub(first).Seconds()
}
