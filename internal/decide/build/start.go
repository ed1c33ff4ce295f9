package build

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/pure/shard"
)

// start begins a queued build: its suites get their units, from the cache where the same tree was listed before.
func (s *Service) start(ctx context.Context, tx *db.Tx, b *row) error {
	b.State, b.Started = Listing, tx.Now()
	if _, err := tx.Emit(ctx, b.meta(actor), event.BuildStarted{Build: b.ID}); err != nil {
		return err
	}
	m, err := readManifest(b.Manifest)
	if err != nil {
		return s.fail(ctx, tx, b, nil, []event.Reason{{Code: "manifest", Text: err.Error()}})
	}
	tests := m.Tests
	if b.skipsTests() {
		tests = nil
	}
	for i, test := range tests {
		st := suite{Name: test.Name, State: suiteWaiting}
		names, sizes, cached, err := knownUnits(ctx, tx, b, test)
		if err != nil {
			return err
		}
		if len(names) > 0 {
			st.State, st.Cached = suiteListed, cached
			if err := insertUnits(ctx, tx, b, test.Name, names, sizes); err != nil {
				return err
			}
		}
		if err := st.save(ctx, tx, b.ID, i); err != nil {
			return err
		}
	}
	return s.settle(ctx, tx, b)
}

// knownUnits gives the units of a suite that can be had without running its list, with the sizes of their tests; none where it must be run.
func knownUnits(ctx context.Context, tx *db.Tx, b *row, test manifest.Test) (names []string, sizes map[string]int64, cached bool, err error) {
	if test.List == "" {
		return []string{test.Name}, nil, false, nil
	}
	var units, bytes string
	err = tx.QueryRow(ctx, `SELECT units, sizes FROM build_lists WHERE key = $1`, listKey(b.App, b.Tree, test)).Scan(&units, &bytes)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, false, nil
	}
	if err != nil {
		return nil, nil, false, fmt.Errorf("look for a list of suite %s: %w", test.Name, err)
	}
	return names, sizes, true, errors.Join(decode(units, &names), decode(bytes, &sizes))
}

// listKey names what a list's output depends on: the files, the command, its environment.
func listKey(app, tree string, test manifest.Test) string {
	h := sha256.New()
	for _, part := range append([]string{app, tree, test.List}, environ(test)...) {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// environ is what a suite's commands get beside the worker's PATH, HOME and caches.
func environ(test manifest.Test) []string {
	env := []string{"CI=true"}
	for _, name := range slices.Sorted(maps.Keys(test.Env)) {
		env = append(env, name+"="+test.Env[name])
	}
	return env
}

// checkList turns the lines of a list into units, or says in a reason's words why it cannot. The note tells of what was dropped.
func checkList(suite string, lines []string) (units []string, note string, problem *event.Reason) {
	units, doubles, err := shard.ReadList(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		return nil, "", &event.Reason{Code: "list_invalid", Text: fmt.Sprintf("The list command of %s does not give units, one a line: %v.", suite, err)}
	}
	switch doubles {
	case 0:
	case 1:
		note = "The list named 1 unit twice; it runs once."
	default:
		note = fmt.Sprintf("The list named %d units again; each runs once.", doubles)
	}
	return units, note, nil
}

// sizesOf gives the sizes of units' tests by name, as checkList makes names of the lines. A worker that looked for none, or answers something else, gives none.
func sizesOf(lines []string, bytes []int64) map[string]int64 {
	sizes := map[string]int64{}
	if len(lines) != len(bytes) {
		return sizes
	}
	for i, line := range lines {
		if name := strings.TrimSpace(line); bytes[i] > 0 && sizes[name] == 0 {
			sizes[name] = min(bytes[i], maxSize)
		}
	}
	return sizes
}

// maxSize bounds what a worker may say, so that sums stay finite: a unit's tests of 1 TiB.
const maxSize = 1 << 40

// keepList remembers a list for the next build of the same tree.
func keepList(ctx context.Context, tx *db.Tx, key string, units []string, sizes map[string]int64) error {
	text, err1 := json.Marshal(units)
	bytes, err2 := json.Marshal(sizes)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("keep a list: %w", err)
	}
	_, err := tx.Exec(ctx, `INSERT INTO build_lists (key, units, sizes, listed_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (key) DO UPDATE SET units = excluded.units, sizes = excluded.sizes, listed_at = excluded.listed_at`, key, string(text), string(bytes), db.Micros(tx.Now()))
	if err != nil {
		return fmt.Errorf("keep a list: %w", err)
	}
	return nil
}
