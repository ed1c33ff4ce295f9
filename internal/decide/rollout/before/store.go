package before

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/pure/stats"
)

const (
	// baseline is how far back the latencies of before the push are taken.
	baseline = 30 * time.Minute
	// baselineRequests is how many of them a threshold needs.
	baselineRequests = 200
	// windowMinutes is how many minutes of before the push say how hosts differ and which routes there are: the last ones in which one release served alone.
	windowMinutes = 30
	// minutesKept is how long minutes are kept, in minutes: enough for the baseline of the next rollout and a look back.
	minutesKept = 24 * 60
	// failuresKept bounds the kinds of errors that are known of an environment.
	failuresKept = 2000
)

// AddSecond adds the old release's requests and latencies to the baseline of its minute.
func AddSecond(ctx context.Context, tx *db.Tx, rs event.RouteSecond, second int64) error {
	if err := addFailures(ctx, tx, rs); err != nil {
		return err
	}
	release := rs.Split.Old
	data, ok := rs.Latency[release]
	if release == "" || !ok {
		return nil
	}
	minute := second / 60
	var body, calm string
	var sum stats.Histogram
	err := tx.QueryRow(ctx, `SELECT latency, calm FROM rollout_minutes WHERE app = $1 AND env = $2 AND release = $3 AND minute = $4`, rs.App, rs.Env, release, minute).Scan(&body, &calm)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		if _, err := tx.Exec(ctx, `DELETE FROM rollout_minutes WHERE app = $1 AND env = $2 AND minute < $3`, rs.App, rs.Env, minute-minutesKept); err != nil {
			return fmt.Errorf("drop old latencies of %s/%s: %w", rs.App, rs.Env, err)
		}
	case err != nil:
		return fmt.Errorf("read the latencies of %s/%s: %w", rs.App, rs.Env, err)
	default:
		if err := json.Unmarshal([]byte(body), &sum); err != nil {
			return fmt.Errorf("read the latencies of %s/%s: %w", rs.App, rs.Env, err)
		}
	}
	for i := range data.Index {
		if i < len(data.Count) {
			if err := sum.AddBucket(data.Index[i], data.Count[i]); err != nil {
				return nil //nolint:nilerr // an edge of another version counts in buckets this one does not have: no baseline from it
			}
		}
	}
	next, err := json.Marshal(sum)
	if err != nil {
		return fmt.Errorf("encode the latencies of %s/%s: %w", rs.App, rs.Env, err)
	}
	var requests, failed int64
	for _, h := range rs.Hosts {
		if h.Release == release {
			requests, failed = requests+h.Requests, failed+h.Errors
		}
	}
	if calm, err = addCalm(calm, rs, second); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO rollout_minutes (app, env, release, minute, requests, errors, latency, calm) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (app, env, release, minute) DO UPDATE SET requests = rollout_minutes.requests + excluded.requests,
			errors = rollout_minutes.errors + excluded.errors, latency = excluded.latency, calm = excluded.calm`,
		rs.App, rs.Env, release, minute, requests, failed, string(next), calm)
	if err != nil {
		return fmt.Errorf("store the latencies of %s/%s: %w", rs.App, rs.Env, err)
	}
	return nil
}

// addCalm adds a second to what was counted in its minute while one release served alone.
func addCalm(calm string, rs event.RouteSecond, second int64) (string, error) {
	var m Minute
	if calm != "" {
		if err := json.Unmarshal([]byte(calm), &m); err != nil {
			return "", fmt.Errorf("read what the hosts of %s/%s counted: %w", rs.App, rs.Env, err)
		}
	}
	if !m.Add(rs, second) {
		return calm, nil
	}
	body, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("encode what the hosts of %s/%s counted: %w", rs.App, rs.Env, err)
	}
	return string(body), nil
}

// Load merges the last minutes in which one release served alone.
func Load(ctx context.Context, q db.Querier, app, env string) (*Window, error) {
	rows, err := q.Query(ctx, `SELECT calm FROM rollout_minutes WHERE app = $1 AND env = $2 AND calm <> '' ORDER BY minute DESC LIMIT $3`, app, env, windowMinutes)
	if err != nil {
		return nil, fmt.Errorf("read what the hosts of %s/%s counted: %w", app, env, err)
	}
	defer rows.Close()
	w := &Window{}
	for rows.Next() {
		var body string
		var minute Minute
		if err := rows.Scan(&body); err != nil {
			return nil, fmt.Errorf("read what the hosts of %s/%s counted: %w", app, env, err)
		}
		if err := json.Unmarshal([]byte(body), &minute); err != nil {
			return nil, fmt.Errorf("read what the hosts of %s/%s counted: %w", app, env, err)
		}
		w.Merge(&minute)
	}
	return w, rows.Err()
}

// Thresholds are where a request starts to count as slow, by the latencies of the release that serves; none where too little was counted, or where latency is not judged.
func Thresholds(ctx context.Context, q db.Querier, now time.Time, app, env, release string, weights map[string]float64) ([]judge.Threshold, error) {
	if weights[manifest.VitalLatency] == 0 {
		return nil, nil
	}
	rows, err := q.Query(ctx, `SELECT latency FROM rollout_minutes WHERE app = $1 AND env = $2 AND release = $3 AND minute >= $4`,
		app, env, release, now.Add(-baseline).Unix()/60)
	if err != nil {
		return nil, fmt.Errorf("read the latencies of %s/%s: %w", app, env, err)
	}
	defer rows.Close()
	sum := &stats.Histogram{}
	for rows.Next() {
		var body string
		var h stats.Histogram
		if err := rows.Scan(&body); err != nil {
			return nil, fmt.Errorf("read the latencies of %s/%s: %w", app, env, err)
		}
		if err := json.Unmarshal([]byte(body), &h); err != nil {
			return nil, fmt.Errorf("read the latencies of %s/%s: %w", app, env, err)
		}
		sum.Merge(&h)
	}
	if sum.Total() < baselineRequests {
		return nil, rows.Err()
	}
	return judge.Thresholds(sum), rows.Err()
}

// addFailures notes the kinds of errors of the release that serves.
func addFailures(ctx context.Context, tx *db.Tx, rs event.RouteSecond) error {
	now := db.Micros(tx.Now())
	fresh := false
	for _, f := range rs.Failures {
		if f.Release != rs.Split.Old || f.Path == event.OtherPaths {
			continue
		}
		var first int64
		err := tx.QueryRow(ctx, `INSERT INTO rollout_failures (app, env, path, status, error, first_at, last_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (app, env, path, status, error) DO UPDATE SET last_at = excluded.last_at RETURNING first_at`,
			rs.App, rs.Env, f.Path, f.Status, f.Error, now, now).Scan(&first)
		if err != nil {
			return fmt.Errorf("note an error of %s/%s: %w", rs.App, rs.Env, err)
		}
		fresh = fresh || first == now
	}
	if !fresh {
		return nil
	}
	_, err := tx.Exec(ctx, `DELETE FROM rollout_failures WHERE app = $1 AND env = $2 AND last_at <
		(SELECT last_at FROM rollout_failures WHERE app = $1 AND env = $2 ORDER BY last_at DESC LIMIT 1 OFFSET $3)`, rs.App, rs.Env, failuresKept)
	if err != nil {
		return fmt.Errorf("drop old errors of %s/%s: %w", rs.App, rs.Env, err)
	}
	return nil
}

// Unseen are the failures of a kind that no release showed while it served before a time, when the rollout began.
func Unseen(ctx context.Context, tx *db.Tx, rs event.RouteSecond, since time.Time) ([]event.FailureCount, error) {
	var news []event.FailureCount
	for _, f := range rs.Failures {
		if f.Path == event.OtherPaths {
			continue // what there was no room for is no kind
		}
		var first int64
		err := tx.QueryRow(ctx, `SELECT first_at FROM rollout_failures WHERE app = $1 AND env = $2 AND path = $3 AND status = $4 AND error = $5`,
			rs.App, rs.Env, f.Path, f.Status, f.Error).Scan(&first)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("look up an error of %s/%s: %w", rs.App, rs.Env, err)
		}
		if err != nil || first >= db.Micros(since) {
			news = append(news, f)
		}
	}
	return slices.Clip(news), nil
}
