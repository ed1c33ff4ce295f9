package git

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
)

// TestPushesOnEachStore goes the whole way of pushes on SQLite and on PostgreSQL: all of the door's SQL.
func TestPushesOnEachStore(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := openOn(t, d, nil)
		c := newClone(t)
		url := w.url("shop", adminToken)
		one := c.commit("one", ".slipway.yaml", good("shop"))
		c.must("push", url, "main", "main:refs/heads/idea")
		two := c.commit("two")
		c.must("push", "-o", "slipway.skip=tests", "-o", "slipway.reason=now", url, "main")
		c.must("push", url, ":idea")
		w.stop()
		// Cut off between ref and event: the next start tells of it, once, by the note of pre-receive.
		three := c.commit("three")
		_, text := w.lastMapped()
		err := d.Tx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO git_pushes (id, app, branch, old, new, actor, manifest, hotfix, at)
				VALUES ('psh_1', 'shop', 'main', $1, $2, 'person:dora', $3, 'null', 1)`, two, three, text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		c.must("push", "--quiet", w.door.repo("shop"), "main")
		w.start()
		w.waitSettled()
		var told []string
		for _, ev := range w.pushed() {
			p, err := event.Decode[event.GitPushed](ev)
			if err != nil {
				t.Fatal(err)
			}
			told = append(told, fmt.Sprintf("%s %s: %.4s to %.4s, hotfix %v", ev.Actor, p.Branch, p.Before, p.After, p.Hotfix != nil))
		}
		want := []string{
			fmt.Sprintf("person:admin idea:  to %.4s, hotfix false", one),
			fmt.Sprintf("person:admin main:  to %.4s, hotfix false", one),
			fmt.Sprintf("person:admin main: %.4s to %.4s, hotfix true", one, two),
			fmt.Sprintf("person:admin idea: %.4s to , hotfix false", one),
			fmt.Sprintf("person:dora main: %.4s to %.4s, hotfix false", two, three),
		}
		if !slices.Equal(told, want) {
			t.Errorf("told\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
		}
	})
}

// TestHeadsAndNotesOnEachStore looks at what pushes seldom meet.
func TestHeadsAndNotesOnEachStore(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		tx := func(fn func(tx *db.Tx) error) error { return d.Tx(ctx, fn) }
		head := func(old, now string) error {
			return tx(func(tx *db.Tx) error { return noteHead(ctx, tx, "shop", "main", old, now) })
		}
		for _, c := range []struct {
			old, new string
			ok       bool
		}{{"", "a", true}, {"", "b", false}, {"x", "b", false}, {"a", "b", true}, {"a", "", false}, {"b", "", true}, {"b", "", false}} {
			if err := head(c.old, c.new); (err == nil) != c.ok || err != nil && fault.CodeOf(err) != fault.CodeConflict {
				t.Errorf("from %q to %q: %v", c.old, c.new, err)
			}
		}
		put := func(id, app, branch string) {
			t.Helper()
			err := tx(func(tx *db.Tx) error {
				_, err := tx.Exec(ctx, `INSERT INTO git_pushes (id, app, branch, old, new, actor, manifest, hotfix, at) VALUES ($1, $2, $3, '', 'n', $4, 'null', 'null', 1)`, id, app, branch, "person:"+id)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		put("1", "shop", "main")
		put("2", "shop", "main")
		put("3", "shop", "idea")
		put("4", "shoes", "main")
		if n, err := noteOf(ctx, d, "shop", "main", "n"); err != nil || n.id != "2" || n.actor != "person:2" {
			t.Errorf("of two notes the later counts: %+v, %v", n, err)
		}
		if err := tx(func(tx *db.Tx) error { return closePushes(ctx, tx, "shop", []string{"idea", "none"}) }); err != nil {
			t.Fatal(err)
		}
		var left string
		for _, id := range []string{"1", "2", "3", "4"} {
			var n int
			if err := d.QueryRow(ctx, `SELECT COUNT(*) FROM git_pushes WHERE id = $1`, id).Scan(&n); err != nil {
				t.Fatal(err)
			}
			left += strings.Repeat(id, n)
		}
		if left != "34" {
			t.Errorf("notes %s are left, want those of the branch to keep and of the other app", left)
		}
	})
}

// TestTwoBranchesAtOnce pushes several branches at the same moment: each is accepted, and each is told of once.
func TestTwoBranchesAtOnce(t *testing.T) {
	w := open(t, nil)
	base := newClone(t)
	base.commit("one", ".slipway.yaml", good("shop"))
	base.must("push", w.url("shop", adminToken), "main")
	const n = 5
	var wg sync.WaitGroup
	heads := map[string]string{}
	outs, errs := make([]string, n), make([]error, n)
	for i := range n {
		c := newClone(t)
		c.must("pull", "--quiet", w.url("shop", adminToken), "main")
		branch := fmt.Sprintf("b%d", i)
		heads[branch] = c.commit(branch, "file", branch)
		wg.Go(func() { outs[i], errs[i] = c.run("push", w.url("shop", adminToken), "main:"+branch) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatalf("not all were accepted: %v\n%s", err, strings.Join(outs, "\n"))
	}
	if out := strings.Join(outs, "\n"); strings.Contains(out, "went wrong") {
		t.Errorf("a pusher was told:\n%s", out)
	}
	for _, ev := range w.pushed()[1:] {
		p, err := event.Decode[event.GitPushed](ev)
		if err != nil {
			t.Fatal(err)
		}
		if heads[p.Branch] != p.After || p.Before != "" {
			t.Errorf("told of %+v", p)
		}
		delete(heads, p.Branch)
	}
	if len(heads) > 0 {
		t.Errorf("nobody was told of %v", heads)
	}
}

func TestTheAppsLock(t *testing.T) {
	d := &Door{locks: map[string]chan struct{}{}}
	unlock, err := d.lock(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the pusher left"))
	if _, err := d.lock(ended, "shop"); err == nil || err.Error() != "wait for another push to shop: the pusher left" {
		t.Errorf("taken twice: %v", err)
	}
	other, err := d.lock(t.Context(), "shoes") // it is one of the app, not of all
	if err != nil {
		t.Fatal(err)
	}
	other()
	taken := make(chan func())
	go func() {
		again, _ := d.lock(t.Context(), "shop")
		taken <- again
	}()
	unlock()
	again := <-taken
	unlock() // twice is once
	if _, err := d.lock(ended, "shop"); err == nil {
		t.Error("giving back twice took it from the next one")
	}
	again()
}
