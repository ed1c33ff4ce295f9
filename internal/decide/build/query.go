package build

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Builds lists an app's builds, the newest first; env "" means all environments. after is the cursor of the page before; next is "" on the last page.
// limit is between 1 and 200.
func (s *Service) Builds(ctx context.Context, app, env, after string, limit int) (page []Build, next string, err error) {
	limit = min(max(limit, 1), 500)
	rows, err := builds(ctx, s.db, `app = $1 AND ($2 = '' OR env = $2) AND ($3 = '' OR id < $3) ORDER BY id DESC LIMIT $4`, app, env, after, limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].ID
	}
	page = make([]Build, 0, len(rows))
	fleet, err := s.look(ctx)
	if err != nil {
		return nil, "", err
	}
	for _, b := range rows {
		v := b.view()
		v.Waiting, v.EstimateS = fleet.explain(b)
		page = append(page, v)
	}
	return page, next, nil
}

// Numbered gives an app's builds of a number: one for each environment that has come so far, or for the one named.
func (s *Service) Numbered(ctx context.Context, app, env string, number int) ([]Build, error) {
	rows, err := builds(ctx, s.db, `app = $1 AND ($2 = '' OR env = $2) AND number = $3 ORDER BY id DESC`, app, env, number)
	if err != nil {
		return nil, err
	}
	fleet, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	found := make([]Build, 0, len(rows))
	for _, b := range rows {
		v := b.view()
		v.Waiting, v.EstimateS = fleet.explain(b)
		found = append(found, v)
	}
	return found, nil
}

// Build gives one build with its suites, units and leases.
func (s *Service) Build(ctx context.Context, app, id string) (Detail, error) {
	b, err := buildOf(ctx, s.db, app, id)
	if err != nil {
		return Detail{}, err
	}
	fleet, err := s.look(ctx)
	if err != nil {
		return Detail{}, err
	}
	d := Detail{Build: b.view(), Suites: []Suite{}}
	d.Waiting, d.EstimateS = fleet.explain(b)
	all, err := suites(ctx, s.db, id)
	if err != nil {
		return Detail{}, err
	}
	for _, st := range all {
		d.Suites = append(d.Suites, Suite{Suite: st.Name, State: st.State, Cached: st.Cached, Note: st.Note})
	}
	names, err := workerNames(ctx, s.db)
	if err != nil {
		return Detail{}, err
	}
	if d.Units, err = unitViews(ctx, s.db, id, names); err != nil {
		return Detail{}, err
	}
	if d.Leases, err = leaseViews(ctx, s.db, id, names); err != nil {
		return Detail{}, err
	}
	longest, sum, err := unitTimes(ctx, s.db, id)
	if err != nil {
		return Detail{}, err
	}
	d.BoundS, d.MakespanS = speed(d.Leases, longest, sum)
	return d, nil
}

// Working tells what each worker is doing, by agent id. A worker with several slots shows one of its leases.
func (s *Service) Working(ctx context.Context) (map[string]Work, error) {
	rows, err := s.db.Query(ctx, `SELECT l.agent, l.build, b.app, l.kind, l.suite, l.units, l.granted_at FROM build_leases l
		JOIN build_builds b ON b.id = l.build WHERE l.state = 'running' ORDER BY l.id`)
	if err != nil {
		return nil, fmt.Errorf("read what the workers do: %w", err)
	}
	defer rows.Close()
	out := map[string]Work{}
	for rows.Next() {
		var agent string
		var w Work
		var since int64
		if err := rows.Scan(&agent, &w.Build, &w.App, &w.Kind, &w.Suite, &w.Units, &since); err != nil {
			return nil, fmt.Errorf("read what the workers do: %w", err)
		}
		w.Since = db.Time(since)
		out[agent] = w
	}
	return out, rows.Err()
}

// LogSize is how much of a lease's log there is, in bytes.
func (s *Service) LogSize(build, lease string) (int64, error) {
	size, _, err := s.blobs.Logs.Size(logKey(build, lease))
	return size, err
}

func (b *row) view() Build {
	v := Build{ID: b.ID, Number: b.Number, App: b.App, Environment: b.Env, Branch: b.Branch, State: b.State, Head: headOf(b), Commits: b.Commits,
		QueuedAt: b.Queued, StartedAt: moment(b.Started), EndedAt: moment(b.Ended), Total: b.Total, Done: b.Done, Failed: b.Failed, Reasons: b.Reasons,
		Artifact: b.Artifact, Size: b.Size, Hotfix: b.Hotfix, RetryOf: b.RetryOf, Suspects: b.Suspects}
	if v.Commits == nil {
		v.Commits = []event.Commit{}
	}
	if v.Reasons == nil {
		v.Reasons = []event.Reason{}
	}
	if v.Suspects == nil {
		v.Suspects = []event.Commit{}
	}
	return v
}

// headOf finds the head among the commits of a build.
func headOf(b *row) event.Commit {
	for _, c := range b.Commits {
		if c.SHA == b.Head {
			return c
		}
	}
	return event.Commit{SHA: b.Head}
}

// moment is a time that may not have come yet.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func workerNames(ctx context.Context, q db.Querier) (map[string]string, error) {
	rows, err := q.Query(ctx, `SELECT agent, name FROM build_workers`)
	if err != nil {
		return nil, fmt.Errorf("read the workers' names: %w", err)
	}
	defer rows.Close()
	names := map[string]string{"": ""}
	for rows.Next() {
		var agent, name string
		if err := rows.Scan(&agent, &name); err != nil {
			return nil, fmt.Errorf("read the workers' names: %w", err)
		}
		if name == "" {
			name = agent
		}
		names[agent] = name
	}
	return names, rows.Err()
}

// unitViews reads the units of a build in the order in which they are looked at: what failed first.
func unitViews(ctx context.Context, q db.Querier, build string, names map[string]string) ([]Unit, error) {
	rows, err := q.Query(ctx, `SELECT suite, unit, status, duration_us, expected_us, agent, lease, started_at, attempts, output, failed_tests FROM build_units
		WHERE build = $1 ORDER BY CASE status WHEN 'failed' THEN 0 WHEN 'error' THEN 1 WHEN 'running' THEN 2 WHEN 'waiting' THEN 3 ELSE 4 END,
		duration_us DESC, expected_us DESC, suite, unit LIMIT $2`, build, MaxUnitsShown)
	if err != nil {
		return nil, fmt.Errorf("read the units of build %s: %w", build, err)
	}
	defer rows.Close()
	all := []Unit{}
	for rows.Next() {
		u, err := scanUnit(rows, names)
		if err != nil {
			return nil, fmt.Errorf("read the units of build %s: %w", build, err)
		}
		all = append(all, u)
	}
	return all, rows.Err()
}

func scanUnit(rows *sql.Rows, names map[string]string) (Unit, error) {
	var u Unit
	var agent, tests string
	var duration, expected, started int64
	if err := rows.Scan(&u.Suite, &u.Unit, &u.Status, &duration, &expected, &agent, &u.Lease, &started, &u.Attempts, &u.Output, &tests); err != nil {
		return u, err
	}
	u.DurationMS, u.ExpectedMS, u.Worker, u.StartedAt = duration/1000, expected/1000, names[agent], moment(db.Time(started))
	return u, decode(tests, &u.FailedTests)
}

func leaseViews(ctx context.Context, q db.Querier, build string, names map[string]string) ([]Lease, error) {
	rows, err := q.Query(ctx, `SELECT id, kind, suite, agent, state, phase, units, granted_at, started_at, ended_at, setup_us, ran_us, upload_us, exit, reason, log_size
		FROM build_leases WHERE build = $1 ORDER BY id`, build)
	if err != nil {
		return nil, fmt.Errorf("read the leases of build %s: %w", build, err)
	}
	defer rows.Close()
	all := []Lease{}
	for rows.Next() {
		var l Lease
		var granted, started, ended, setup, ran, upload int64
		if err := rows.Scan(&l.ID, &l.Kind, &l.Suite, &l.Agent, &l.State, &l.Phase, &l.Units, &granted, &started, &ended, &setup, &ran, &upload,
			&l.Exit, &l.Reason, &l.LogSize); err != nil {
			return nil, fmt.Errorf("read the leases of build %s: %w", build, err)
		}
		l.Worker, l.GrantedAt, l.StartedAt, l.EndedAt = names[l.Agent], db.Time(granted), moment(db.Time(started)), moment(db.Time(ended))
		l.SetupMS, l.RanMS, l.UploadMS = setup/1000, ran/1000, upload/1000
		all = append(all, l)
	}
	return all, rows.Err()
}

// unitTimes gives the longest unit and the sum of all, as they ran in this build.
func unitTimes(ctx context.Context, q db.Querier, build string) (longest, sum time.Duration, err error) {
	var a, b int64
	err = q.QueryRow(ctx, `SELECT COALESCE(MAX(duration_us), 0), CAST(COALESCE(SUM(duration_us), 0) AS BIGINT) FROM build_units WHERE build = $1 AND attempts > 0`,
		build).Scan(&a, &b)
	if err != nil {
		return 0, 0, fmt.Errorf("add up the units of build %s: %w", build, err)
	}
	return time.Duration(a) * time.Microsecond, time.Duration(b) * time.Microsecond, nil
}

// Find turns what a person calls a build ("#12", "12" or its id) into its id.
func (s *Service) Find(ctx context.Context, app, env, name string) (string, error) {
	if len(name) > 0 && name[0] == '#' {
		name = name[1:]
	}
	n, err := strconv.Atoi(name)
	if err != nil {
		b, err := buildOf(ctx, s.db, app, name)
		if err != nil {
			return "", err
		}
		return b.ID, nil
	}
	b, err := oneBuild(ctx, s.db, `app = $1 AND env = $2 AND number = $3`, app, env, n)
	if err != nil {
		return "", err
	}
	if b == nil {
		return "", fault.NotFound("There is no build #%d in %s of %s.", n, env, app)
	}
	return b.ID, nil
}

// EnvironmentOf gives the environment that a build of an app is for.
func (s *Service) EnvironmentOf(ctx context.Context, app, id string) (string, error) {
	b, err := buildOf(ctx, s.db, app, id)
	if err != nil {
		return "", err
	}
	return b.Env, nil
}
