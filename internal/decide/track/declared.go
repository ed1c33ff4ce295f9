package track

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// PlanOrigin is where a plan comes from that a repository declares.
type PlanOrigin struct {
	Folder      string `json:"folder" doc:"In the repository, with a JSON Schema a file"`
	Environment string `json:"environment" doc:"Whose live release says which plan counts"`
	Release     string `json:"release"`
	Number      int    `json:"number"`
	Commit      string `json:"commit"`
}

// Declare notes the plan that a commit declares. It counts from when a release of that commit is live.
func Declare(ctx context.Context, tx *db.Tx, app, commit string, p Plan) error {
	text, err := json.Marshal(Plan{Mode: p.Mode, AdditionalEvents: p.AdditionalEvents, Events: p.Events})
	if err != nil {
		return fmt.Errorf("encode the plan of %s at %s: %w", app, commit, err)
	}
	sum := sha256.Sum256(text)
	hash := hex.EncodeToString(sum[:])
	if _, err := tx.Exec(ctx, `INSERT INTO track_declared (hash, plan) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING`, hash, string(text)); err != nil {
		return fmt.Errorf("keep the plan of %s at %s: %w", app, commit, err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO track_commits (app, sha, hash) VALUES ($1, $2, $3) ON CONFLICT (app, sha) DO UPDATE SET hash = excluded.hash`, app, commit, hash); err != nil {
		return fmt.Errorf("note the plan of %s at %s: %w", app, commit, err)
	}
	return nil
}

// shipped is what a release that is live, or under way, says of events.
type shipped struct {
	app, state, hash string
	origin           PlanOrigin
	plan             Plan // what it declares for its environment; nothing when hash is empty
	uses             []Use
}

// States of a release, as far as its plan goes. One that is not under way and not live has none.
const (
	rolling = "rolling"
	live    = "live"
)

// releases are those of an app (of all, where it is empty) that are live or under way: live ones first, production before others.
func releases(ctx context.Context, q db.Querier, app string) (map[string][]shipped, error) {
	rows, err := q.Query(ctx, `SELECT r.app, r.state, r.hash, r.folder, r.env, r.release, r.number, r.sha, r.uses, COALESCE(d.plan, '') FROM track_releases r LEFT JOIN track_declared d ON d.hash = r.hash
		WHERE ($1 = '' OR r.app = $1) AND r.state <> '' ORDER BY r.state, CASE r.env WHEN 'production' THEN 0 ELSE 1 END, r.env, r.number`, app)
	if err != nil {
		return nil, fmt.Errorf("list the plans of releases: %w", err)
	}
	defer rows.Close()
	all := map[string][]shipped{}
	for rows.Next() {
		var s shipped
		var uses, plan string
		if err := rows.Scan(&s.app, &s.state, &s.hash, &s.origin.Folder, &s.origin.Environment, &s.origin.Release, &s.origin.Number, &s.origin.Commit, &uses, &plan); err != nil {
			return nil, fmt.Errorf("read the plan of a release: %w", err)
		}
		if err := json.Unmarshal([]byte(uses), &s.uses); err != nil {
			return nil, fmt.Errorf("read what release %s says of events: %w", s.origin.Release, err)
		}
		if plan == "" {
			s.hash = ""
		} else if err := json.Unmarshal([]byte(plan), &s.plan); err != nil {
			return nil, fmt.Errorf("read the plan of release %s: %w", s.origin.Release, err)
		}
		all[s.app] = append(all[s.app], s)
	}
	return all, rows.Err()
}

// counting is which plan counts for an app, and which ones beside it.
type counting struct {
	plan   Plan
	beside []Plan
}

// key tells whether two of them are the same.
func (c counting) key() string {
	keys := []string{c.plan.key}
	for _, p := range c.beside {
		keys = append(keys, p.key)
	}
	return strings.Join(keys, " ")
}

// production goes before other environments, as everywhere.
const production = "production"

// choose says which plan counts: that of the live release, where one is declared, else that of the page. Beside it those that would count if what is under way went live:
// visitors of the new release send what its code knows.
func choose(page Plan, all []shipped) counting {
	c := counting{plan: lives(page, all)}
	for _, s := range all {
		if s.state != rolling {
			continue
		}
		s.state = live
		next := lives(page, append([]shipped{s}, slices.DeleteFunc(slices.Clone(all), func(o shipped) bool { return o.origin.Environment == s.origin.Environment })...))
		if next.key != c.plan.key && !slices.ContainsFunc(c.beside, func(p Plan) bool { return p.key == next.key }) {
			c.beside = append(c.beside, next)
		}
	}
	return c
}

// lives gives the plan of what is live: production's, where several environments have one.
func lives(page Plan, all []shipped) Plan {
	var best *shipped
	for i, s := range all {
		if s.state == live && s.hash != "" && (best == nil || s.origin.Environment == production || best.origin.Environment != production && s.origin.Environment < best.origin.Environment) {
			best = &all[i]
		}
	}
	if best == nil {
		return page
	}
	p := best.declared()
	p.Revision = page.Revision
	return p
}

func (s shipped) declared() Plan {
	p, origin := s.plan, s.origin
	p.From, p.key = &origin, s.hash+"@"+origin.Release
	if p.Events == nil {
		p.Events = []PlannedEvent{}
	}
	return p
}

// counted gives what counts for one app.
func counted(ctx context.Context, q db.Querier, app string) (counting, error) {
	pages, err := plans(ctx, q, app)
	if err != nil {
		return counting{}, err
	}
	all, err := releases(ctx, q, app)
	if err != nil {
		return counting{}, err
	}
	return choose(pageOf(pages, app), all[app]), nil
}

func pageOf(pages map[string]Plan, app string) Plan {
	if p, ok := pages[app]; ok {
		return p
	}
	return Plan{Mode: Observe, Events: []PlannedEvent{}, key: "page 0"}
}

// made notes what a new release says of events.
func made(ctx context.Context, tx *db.Tx, ev event.Event, r event.ReleaseCreated) error {
	var m manifest.Manifest
	if err := json.Unmarshal(r.Manifest, &m); err != nil {
		return fmt.Errorf("read the manifest of release %s: %w", r.Release, err)
	}
	uses, err := json.Marshal(VitalUses(m.Rollout))
	if err != nil {
		return fmt.Errorf("encode what release %s counts: %w", r.Release, err)
	}
	folder := ""
	if m.Events != nil && m.Events.Environment == ev.Env {
		folder = m.Events.Plan
	}
	_, err = tx.Exec(ctx, `INSERT INTO track_releases (release, app, env, number, sha, state, hash, folder, uses)
		VALUES ($1, $2, $3, $4, $5, '', CASE WHEN $6 = '' THEN '' ELSE COALESCE((SELECT hash FROM track_commits WHERE app = $2 AND sha = $5), '') END, $6, $7) ON CONFLICT (release) DO NOTHING`,
		r.Release, ev.App, ev.Env, r.Number, r.Commit, folder, string(uses))
	if err != nil {
		return fmt.Errorf("note what release %s says of events: %w", r.Release, err)
	}
	return nil
}

// become notes that a release is under way, live, or neither. Where another plan counts by that, or beside, it is told.
func become(ctx context.Context, tx *db.Tx, ev event.Event, release, state string) error {
	before, err := counted(ctx, tx, ev.App)
	if err != nil {
		return err
	}
	if state == live {
		if _, err := tx.Exec(ctx, `UPDATE track_releases SET state = '' WHERE app = $1 AND env = $2 AND state = 'live'`, ev.App, ev.Env); err != nil {
			return fmt.Errorf("note that another release is live in %s/%s: %w", ev.App, ev.Env, err)
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE track_releases SET state = $2 WHERE release = $1 AND NOT (state = 'live' AND $2 <> 'live')`, release, state); err != nil {
		return fmt.Errorf("note that release %s is %s: %w", release, state, err)
	}
	after, err := counted(ctx, tx, ev.App)
	if err != nil || after.key() == before.key() {
		return err
	}
	told := event.PlanChanged{Mode: after.plan.Mode, Events: len(after.plan.Events), Revision: after.plan.Revision, Beside: len(after.beside)}
	if after.plan.From != nil {
		told.Release = after.plan.From.Release
	}
	_, err = tx.Emit(ctx, ev.By("system:track", tx.Now()), told)
	return err
}
