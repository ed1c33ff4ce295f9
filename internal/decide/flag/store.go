package flag

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/fault"
)

const flagColumns = `SELECT id, app, kind, name, about, created_at, created_by, changed_at, changed_by, archived_at, revision FROM flag_flags`

// each reads rows by a function.
func each[T any](rows *sql.Rows, err error, what string, scan func(func(...any) error) (T, error)) ([]T, error) {
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", what, err)
	}
	defer rows.Close()
	all := []T{}
	for rows.Next() {
		one, err := scan(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("read one of the %s: %w", what, err)
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

func scanFlag(into func(...any) error) (f Flag, err error) {
	var about string
	var created, changed, archived int64
	if err := into(&f.ID, &f.App, &f.Kind, &f.Name, &about, &created, &f.CreatedBy, &changed, &f.ChangedBy, &archived, &f.Revision); err != nil {
		return f, err
	}
	f.CreatedAt, f.ChangedAt, f.ArchivedAt, f.States = db.Time(created), db.Time(changed), db.Time(archived), map[string]State{}
	return f, json.Unmarshal([]byte(about), &f.About)
}

// flags gives those of an app by name, with their states. in use: without those that are archived.
func flags(ctx context.Context, q db.Querier, app string, inUse bool) ([]Flag, error) {
	rows, err := q.Query(ctx, flagColumns+` WHERE app = $1 AND (archived_at = 0 OR NOT $2) ORDER BY name, kind`, app, inUse)
	all, err := each(rows, err, "flags", scanFlag)
	if err != nil {
		return nil, err
	}
	at := make(map[string]int, len(all))
	for i := range all {
		at[all[i].ID] = i
	}
	rows, err = q.Query(ctx, `SELECT s.flag, s.environment, s.state, s.changed_at, s.changed_by, s.revision FROM flag_states s JOIN flag_flags f ON f.id = s.flag WHERE f.app = $1`, app)
	_, err = each(rows, err, "states of flags", func(into func(...any) error) (struct{}, error) {
		id, env, state, err := scanState(into)
		if i, ok := at[id]; ok && err == nil {
			all[i].States[env] = state
		}
		return struct{}{}, err
	})
	return all, err
}

func scanState(into func(...any) error) (id, env string, s State, err error) {
	var raw, by string
	var changed, revision int64
	if err = into(&id, &env, &raw, &changed, &by, &revision); err != nil {
		return id, env, s, err
	}
	err = json.Unmarshal([]byte(raw), &s)
	s.ChangedAt, s.ChangedBy, s.Revision = db.Time(changed), by, revision
	return id, env, s, err
}

// one gives a flag by its id.
func one(ctx context.Context, q db.Querier, app, id string) (Flag, error) {
	f, err := scanFlag(q.QueryRow(ctx, flagColumns+` WHERE id = $1 AND app = $2`, id, app).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return f, fault.NotFound("there is no flag %s", id)
	}
	if err != nil {
		return f, fmt.Errorf("read flag %s: %w", id, err)
	}
	rows, err := q.Query(ctx, `SELECT flag, environment, state, changed_at, changed_by, revision FROM flag_states WHERE flag = $1`, id)
	_, err = each(rows, err, "states of a flag", func(into func(...any) error) (struct{}, error) {
		_, env, state, err := scanState(into)
		f.States[env] = state
		return struct{}{}, err
	})
	return f, err
}

func insertFlag(ctx context.Context, tx *db.Tx, f Flag) error {
	about, err := json.Marshal(f.About)
	if err != nil {
		return fmt.Errorf("encode flag %s: %w", f.Name, err)
	}
	res, err := tx.Exec(ctx, `INSERT INTO flag_flags (id, app, kind, name, about, created_at, created_by, changed_at, changed_by, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $6, $7, 1)
		ON CONFLICT (app, kind, name) DO NOTHING`, f.ID, f.App, string(f.Kind), f.Name, string(about), db.Micros(f.CreatedAt), f.CreatedBy)
	if err != nil {
		return fmt.Errorf("add flag %s: %w", f.Name, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return fault.Conflict("%s has a %s named %q already, perhaps among those out of use; choose another name, or bring that one back", f.App, f.Kind, f.Name).At("body.name").Because(err)
	}
	return nil
}

// updateFlag writes what is said of a flag, if it is still as the caller saw it.
func updateFlag(ctx context.Context, tx *db.Tx, f Flag) error {
	about, err := json.Marshal(f.About)
	if err != nil {
		return fmt.Errorf("encode flag %s: %w", f.Name, err)
	}
	res, err := tx.Exec(ctx, `UPDATE flag_flags SET about = $1, changed_at = $2, changed_by = $3, archived_at = $4, revision = revision + 1 WHERE id = $5 AND revision = $6`,
		string(about), db.Micros(f.ChangedAt), f.ChangedBy, db.Micros(f.ArchivedAt), f.ID, f.Revision)
	return expectOne(res, err, f.Name)
}

// setState writes the state of one environment in the place of the revision that it names.
func setState(ctx context.Context, tx *db.Tx, f Flag, env string, s State) error {
	raw, err := json.Marshal(membersOf(s))
	if err != nil {
		return fmt.Errorf("encode the state of %s: %w", f.Name, err)
	}
	res, err := tx.Exec(ctx, `INSERT INTO flag_states (flag, environment, state, changed_at, changed_by, revision) VALUES ($1, $2, $3, $4, $5, $6 + 1)
		ON CONFLICT (flag, environment) DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at, changed_by = excluded.changed_by, revision = excluded.revision
		WHERE flag_states.revision = $6`, f.ID, env, string(raw), db.Micros(s.ChangedAt), s.ChangedBy, s.Revision)
	if err := expectOne(res, err, f.Name); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE flag_flags SET changed_at = $1, changed_by = $2 WHERE id = $3`, db.Micros(s.ChangedAt), s.ChangedBy, f.ID)
	if err != nil {
		return fmt.Errorf("mark flag %s as changed: %w", f.Name, err)
	}
	return nil
}

func expectOne(res sql.Result, err error, name string) error {
	if err != nil {
		return fmt.Errorf("change flag %s: %w", name, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errFaster(name)
	}
	return nil
}

func errFaster(name string) error {
	return fault.Conflict("the flag %s was changed by somebody else meanwhile; look at it again", name)
}

func insertChange(ctx context.Context, tx *db.Tx, flag string, c Change) error {
	texts := [2]string{}
	for i, s := range []*State{c.Before, c.After} {
		if s == nil {
			continue
		}
		raw, err := json.Marshal(s)
		if err != nil {
			return fmt.Errorf("encode a state of flag %s: %w", flag, err)
		}
		texts[i] = string(raw)
	}
	_, err := tx.Exec(ctx, `INSERT INTO flag_changes (id, flag, environment, at, by_whom, how, reason, before, after, words, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		c.ID, flag, c.Environment, db.Micros(c.At), c.By, c.How, c.Reason, texts[0], texts[1], c.Words, c.Revision)
	if err != nil {
		return fmt.Errorf("keep what changed of flag %s: %w", flag, err)
	}
	return nil
}

const changeColumns = `SELECT c.id, c.environment, c.at, c.by_whom, c.how, c.reason, c.before, c.after, c.words, c.revision FROM flag_changes c`

func scanChange(into func(...any) error) (c Change, err error) {
	var at int64
	texts := [2]string{}
	if err := into(&c.ID, &c.Environment, &at, &c.By, &c.How, &c.Reason, &texts[0], &texts[1], &c.Words, &c.Revision); err != nil {
		return c, err
	}
	c.At = db.Time(at)
	for i, s := range []**State{&c.Before, &c.After} {
		if texts[i] == "" {
			continue
		}
		*s = &State{}
		if err := json.Unmarshal([]byte(texts[i]), *s); err != nil {
			return c, err
		}
	}
	return c, nil
}

// changes gives what became of a flag, newest first.
func changes(ctx context.Context, q db.Querier, flag, before string, limit int) ([]Change, error) {
	rows, err := q.Query(ctx, changeColumns+` WHERE c.flag = $1 AND ($2 = '' OR c.id < $2) ORDER BY c.id DESC LIMIT $3`, flag, before, limit)
	return each(rows, err, "changes of a flag", scanChange)
}

// oneChange finds a change of a flag.
func oneChange(ctx context.Context, q db.Querier, flag, id string) (Change, error) {
	c, err := scanChange(q.QueryRow(ctx, changeColumns+` WHERE c.flag = $1 AND c.id = $2`, flag, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return c, fault.NotFound("the flag has no change %s", id)
	}
	return c, err
}

// bump counts a change of the app's flags, and gives the time of it, which is later than all before. It also keeps others who change them waiting until the end of the transaction.
func bump(ctx context.Context, tx *db.Tx, app string) (time.Time, error) {
	at := db.Micros(tx.Now())
	err := tx.QueryRow(ctx, `INSERT INTO flag_apps (app, settings, revision, changes, changed_at) VALUES ($1, '{}', 0, 1, $2)
		ON CONFLICT (app) DO UPDATE SET changes = flag_apps.changes + 1, changed_at = CASE WHEN flag_apps.changed_at >= excluded.changed_at THEN flag_apps.changed_at + 1000 ELSE excluded.changed_at END
		RETURNING changed_at`, app, at).Scan(&at)
	if err != nil {
		return time.Time{}, fmt.Errorf("count a change of the flags of %s: %w", app, err)
	}
	return db.Time(at), nil
}

// count gives how often the flags of an app have changed.
func count(ctx context.Context, q db.Querier, app string) (n int64, err error) {
	err = q.QueryRow(ctx, `SELECT changes FROM flag_apps WHERE app = $1`, app).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("count the changes of the flags of %s: %w", app, err)
	}
	return n, nil
}

// load reads all that the Sets of an app are made of.
func load(ctx context.Context, q db.Querier, app string) (*stored, error) {
	st := &stored{app: app}
	var raw string
	var at int64
	err := q.QueryRow(ctx, `SELECT settings, revision, changes, changed_at FROM flag_apps WHERE app = $1`, app).Scan(&raw, &st.settings.Revision, &st.changes, &at)
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return nil, fmt.Errorf("read the settings of flags: %w", err)
	default:
		st.changed = db.Time(at)
		if err := json.Unmarshal([]byte(raw), &st.settings); err != nil {
			return nil, fmt.Errorf("read the settings of the flags of %s: %w", app, err)
		}
	}
	if st.flags, err = flags(ctx, q, app, true); err != nil {
		return nil, err
	}
	st.groups, err = groups(ctx, q, app)
	return st, err
}

// Mark is a change of a flag on the time axis of whatever is drawn over time.
type Mark struct {
	ID          string    `json:"id" doc:"Of the change"`
	Flag        string    `json:"flag" doc:"Id of the flag"`
	Name        string    `json:"name" doc:"Of the flag"`
	Environment string    `json:"environment,omitempty" doc:"Empty for what is of all"`
	At          time.Time `json:"at"`
	By          string    `json:"by"`
	How         string    `json:"how" enum:"created,edited,restored,planned,archived,brought_back,ramped,applied"`
	Words       string    `json:"words"`
}

// mostMarks is how many changes of a time are told; more than that nobody could tell apart in a picture.
const mostMarks = 500

// marks gives the changes of an app's flags in a time, oldest first: of one environment, or of all where it is empty.
func marks(ctx context.Context, q db.Querier, app, env string, from, to time.Time) ([]Mark, error) {
	rows, err := q.Query(ctx, `SELECT c.id, c.flag, f.name, c.environment, c.at, c.by_whom, c.how, c.words FROM flag_changes c JOIN flag_flags f ON f.id = c.flag
		WHERE f.app = $1 AND ($2 = '' OR c.environment = '' OR c.environment = $2) AND c.at >= $3 AND c.at <= $4 AND (c.how <> 'created' OR c.after <> '') AND c.how <> 'plan_failed' ORDER BY c.at DESC, c.id DESC LIMIT $5`,
		app, env, db.Micros(from), db.Micros(to), mostMarks)
	all, err := each(rows, err, "changes of flags", func(into func(...any) error) (m Mark, err error) {
		var at int64
		err = into(&m.ID, &m.Flag, &m.Name, &m.Environment, &at, &m.By, &m.How, &m.Words)
		m.At = db.Time(at)
		return m, err
	})
	slices.Reverse(all)
	return all, err
}
