package db_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
)

// upgrade runs a test on both stores, each brought up to date from the one before a migration that held the rows of the statements.
func upgrade(t *testing.T, version int64, statements []string, fn func(t *testing.T, d *db.DB)) {
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			opts := db.Options{Path: t.TempDir() + "/state.db"}
			if name == "postgres" {
				opts = db.Options{URL: dbtest.PostgresURL(t)}
			}
			if err := db.Before(t.Context(), opts, version, statements...); err != nil {
				t.Fatal(err)
			}
			d, err := db.Open(t.Context(), opts)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			fn(t, d)
		})
	}
}

func TestHistoryOfRolloutsIsTakenOver(t *testing.T) {
	var rows []string
	rollout := func(env string, number int, release, state string, ended int) {
		rows = append(rows, fmt.Sprintf(`INSERT INTO rollout_rollouts (rollout, app, env, number, release, state, machine, created_at, started_at, ended_at)
			VALUES ('%s_%d', 'shop', '%s', %d, '%s', '%s', '{}', 1, 1, %d)`, env, number, env, number, release, state, ended))
	}
	rollout("production", 1, "one", "promoted", 10)
	rollout("production", 2, "two", "superseded", 15)
	rollout("production", 3, "three", "rolled_back", 30)
	rollout("production", 4, "four", "promoted", 50) // it waited in a freeze
	rollout("production", 5, "one", "promoted", 40)  // while somebody went back
	rollout("production", 6, "six", "watching", 0)
	rollout("staging", 1, "s", "promoted", 20)
	rows = append(rows, `INSERT INTO rollout_releases (release, app, env, number, body, good_at, bad) VALUES ('one', 'shop', 'production', 1, '{}', 7, 1)`)
	upgrade(t, 100, rows, func(t *testing.T, d *db.DB) {
		got, err := d.Query(t.Context(), `SELECT env, number, release, promoted FROM rollout_lives ORDER BY env, number`)
		if err != nil {
			t.Fatal(err)
		}
		defer got.Close()
		var lines []string
		for got.Next() {
			var env, release string
			var number, promoted int
			if err := got.Scan(&env, &number, &release, &promoted); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, fmt.Sprintf("%s %d %s %d", env, number, release, promoted))
		}
		if err := got.Err(); err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(lines, ", "); text != "production 1 one 1, production 2 three 0, production 3 one 1, production 4 four 1, staging 1 s 1" {
			t.Errorf("the history is %s", text)
		}
		var body string
		if err := d.QueryRow(t.Context(), `SELECT body FROM rollout_releases WHERE release = 'one'`).Scan(&body); err != nil || body != "{}" {
			t.Errorf("the release: %q, %v", body, err)
		}
	})
}

func TestRolesOfBeforeHoldInAllEnvironments(t *testing.T) {
	rows := []string{
		`INSERT INTO access_people (id, name, email, admin, created_at) VALUES ('per_1', 'ana', '', 0, 1)`,
		`INSERT INTO access_grants (person, app, role) VALUES ('per_1', 'shop', 'deployer')`,
		`INSERT INTO access_grants (person, app, role) VALUES ('per_1', '*', 'viewer')`,
	}
	upgrade(t, 130, rows, func(t *testing.T, d *db.DB) {
		got, err := d.Query(t.Context(), `SELECT person, app, env, role FROM access_grants ORDER BY app`)
		if err != nil {
			t.Fatal(err)
		}
		defer got.Close()
		var lines []string
		for got.Next() {
			var person, app, env, role string
			if err := got.Scan(&person, &app, &env, &role); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, person+" "+app+" "+env+" "+role)
		}
		if text := strings.Join(lines, ", "); got.Err() != nil || text != "per_1 * * viewer, per_1 shop * deployer" {
			t.Errorf("the roles are %s (%v)", text, got.Err())
		}
	})
}
