package build

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/fault"
)

const buildColumns = `id, app, env, number, branch, state, head, tree, commits, manifest, hotfix, hurry, forced, retry_of, cause, queued_at, started_at, ended_at,
	total, done, failed, package, package_tries, package_note, artifact, size, reasons, suspects`

// builds reads the builds that a condition names: everything behind WHERE.
func builds(ctx context.Context, q db.Querier, where string, args ...any) ([]*row, error) {
	rows, err := q.Query(ctx, `SELECT `+buildColumns+` FROM build_builds WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read builds: %w", err)
	}
	defer rows.Close()
	var all []*row
	for rows.Next() {
		b, err := scanBuild(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read builds: %w", err)
	}
	return all, nil
}

// oneBuild reads a build; nil when there is none.
func oneBuild(ctx context.Context, q db.Querier, where string, args ...any) (*row, error) {
	all, err := builds(ctx, q, where+` LIMIT 1`, args...)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

// buildOf reads a build of an app, or says that there is none.
func buildOf(ctx context.Context, q db.Querier, app, id string) (*row, error) {
	b, err := oneBuild(ctx, q, `id = $1 AND app = $2`, id, app)
	if err == nil && b == nil {
		return nil, fault.NotFound("There is no build %s of %s.", id, app)
	}
	return b, err
}

func scanBuild(rows *sql.Rows) (*row, error) {
	var b row
	var state, commits, manifest, hotfix, reasons, suspects string
	var hurry, forced, queued, started, ended int64
	err := rows.Scan(&b.ID, &b.App, &b.Env, &b.Number, &b.Branch, &state, &b.Head, &b.Tree, &commits, &manifest, &hotfix, &hurry, &forced, &b.RetryOf, &b.Cause,
		&queued, &started, &ended, &b.Total, &b.Done, &b.Failed, &b.Package, &b.PackageTries, &b.PackageNote, &b.Artifact, &b.Size, &reasons, &suspects)
	if err != nil {
		return nil, fmt.Errorf("read a build: %w", err)
	}
	b.State, b.Forced, b.Manifest = State(state), forced != 0, json.RawMessage(manifest)
	b.Queued, b.Started, b.Ended = db.Time(queued), db.Time(started), db.Time(ended)
	err = errors.Join(decode(commits, &b.Commits), decode(hotfix, &b.Hotfix), decode(reasons, &b.Reasons), decode(suspects, &b.Suspects))
	if err != nil {
		return nil, fmt.Errorf("read build %s: %w", b.ID, err)
	}
	return &b, nil
}

func decode[T any](text string, into *T) error {
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), into)
}

// encode never fails on the plain structs it is given here.
func encode(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}

// save writes a build, new or changed.
func (b *row) save(ctx context.Context, tx *db.Tx) error {
	commits, err1 := encode(b.Commits)
	hotfix, err2 := encode(b.Hotfix)
	reasons, err3 := encode(b.Reasons)
	suspects, err4 := encode(b.Suspects)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return fmt.Errorf("keep build %s: %w", b.ID, err)
	}
	_, err := tx.Exec(ctx, `INSERT INTO build_builds (`+buildColumns+`) VALUES `+tuples(1, 28)+`
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, head = excluded.head, tree = excluded.tree, commits = excluded.commits,
		manifest = excluded.manifest, hotfix = excluded.hotfix, hurry = excluded.hurry, forced = excluded.forced, cause = excluded.cause, started_at = excluded.started_at,
		ended_at = excluded.ended_at, total = excluded.total, done = excluded.done, failed = excluded.failed, package = excluded.package,
		package_tries = excluded.package_tries, package_note = excluded.package_note, artifact = excluded.artifact, size = excluded.size,
		reasons = excluded.reasons, suspects = excluded.suspects`,
		b.ID, b.App, b.Env, b.Number, b.Branch, string(b.State), b.Head, b.Tree, commits, string(b.Manifest), hotfix, bit(b.skipsTests()), bit(b.Forced), b.RetryOf, b.Cause,
		db.Micros(b.Queued), db.Micros(b.Started), db.Micros(b.Ended), b.Total, b.Done, b.Failed, b.Package, b.PackageTries, b.PackageNote,
		b.Artifact, b.Size, reasons, suspects)
	if err != nil {
		return fmt.Errorf("keep build %s: %w", b.ID, err)
	}
	return nil
}

// suite is a test entry of a build as it is stored.
type suite struct {
	Name   string
	State  string
	Cached bool
	Tries  int
	Code   string // of the reason it failed for
	Note   string
}

func suites(ctx context.Context, q db.Querier, build string) ([]suite, error) {
	rows, err := q.Query(ctx, `SELECT suite, state, cached, tries, code, note FROM build_suites WHERE build = $1 ORDER BY position`, build)
	if err != nil {
		return nil, fmt.Errorf("read the suites of build %s: %w", build, err)
	}
	defer rows.Close()
	var all []suite
	for rows.Next() {
		var s suite
		var cached int64
		if err := rows.Scan(&s.Name, &s.State, &cached, &s.Tries, &s.Code, &s.Note); err != nil {
			return nil, fmt.Errorf("read the suites of build %s: %w", build, err)
		}
		s.Cached = cached != 0
		all = append(all, s)
	}
	return all, rows.Err()
}

func (s *suite) save(ctx context.Context, tx *db.Tx, build string, position int) error {
	_, err := tx.Exec(ctx, `INSERT INTO build_suites (build, suite, position, state, cached, tries, code, note) VALUES `+tuples(1, 8)+`
		ON CONFLICT (build, suite) DO UPDATE SET state = excluded.state, cached = excluded.cached, tries = excluded.tries, code = excluded.code, note = excluded.note`,
		build, s.Name, position, s.State, bit(s.Cached), s.Tries, s.Code, s.Note)
	if err != nil {
		return fmt.Errorf("keep suite %s of build %s: %w", s.Name, build, err)
	}
	return nil
}

// changeSuite reads one suite, lets fn change it, and writes it.
func changeSuite(ctx context.Context, tx *db.Tx, build, name string, fn func(*suite)) error {
	all, err := suites(ctx, tx, build)
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].Name == name {
			fn(&all[i])
			return all[i].save(ctx, tx, build, i)
		}
	}
	return fmt.Errorf("change suite %s of build %s: there is none", name, build)
}

// bit is how a truth is stored.
func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// tuples gives "($1, $2), ($3, $4)" for n rows of width values.
func tuples(n, width int) string {
	var b strings.Builder
	for i := range n * width {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%width == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(i + 1))
	}
	b.WriteString(")")
	return b.String()
}

// oneOf gives "($3, $4, …)" for n values from the given place on.
func oneOf(n, from int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(from + i))
	}
	return "(" + b.String() + ")"
}

// clean makes text fit for either store: valid UTF-8 without NUL, which PostgreSQL does not take.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
