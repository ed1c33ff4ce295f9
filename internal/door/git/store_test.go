package git

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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
		put := func(id, app, branch string, age time.Duration) {
			t.Helper()
			err := tx(func(tx *db.Tx) error {
				_, err := tx.Exec(ctx, `INSERT INTO git_pushes (id, app, branch, old, new, actor, manifest, hotfix, at) VALUES ($1, $2, $3, '', 'n', $4, 'null', 'null', $5)`,
					id, app, branch, "person:"+id, db.Micros(tx.Now().Add(-age)))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		put("1", "shop", "main", noteTime+time.Minute)
		put("2", "shop", "main", 0)
		put("3", "shop", "idea", noteTime+time.Minute)
		put("4", "shoes", "main", noteTime+time.Minute)
		put("5", "shop", "main", 0)
		if n, err := noteOf(ctx, d, "shop", "main", "n"); err != nil || n.id != "5" || n.actor != "person:5" {
			t.Errorf("of several notes the latest counts: %+v, %v", n, err)
		}
		left := func() (ids string) {
			t.Helper()
			for _, id := range []string{"1", "2", "3", "4", "5"} {
				var n int
				if err := d.QueryRow(ctx, `SELECT COUNT(*) FROM git_pushes WHERE id = $1`, id).Scan(&n); err != nil {
					t.Fatal(err)
				}
				ids += strings.Repeat(id, n)
			}
			return ids
		}
		for _, c := range []struct {
			ids, keep []string
			want      string
		}{
			{[]string{"5", ""}, []string{"idea", "none"}, "234"}, // told ones and old ones go, but for a branch that cannot be read
			{nil, nil, "24"},
			{[]string{"2"}, nil, "4"},
		} {
			if err := tx(func(tx *db.Tx) error { return closePushes(ctx, tx, "shop", c.ids, c.keep) }); err != nil {
				t.Fatal(err)
			}
			if got := left(); got != c.want {
				t.Errorf("closed %v, kept %v: %s are left, want %s", c.ids, c.keep, got, c.want)
			}
		}
	})
}

// TestANoteOutlivesTheStart: a git that outlives its server moves the ref behind the next start's look, and behind another push. It is told of with who pushed, all the same.
func TestANoteOutlivesTheStart(t *testing.T) {
	w := open(t, nil)
	c := newClone(t)
	c.commit("one", ".slipway.yaml", good("shop"))
	c.must("push", w.url("shop", adminToken), "main")
	_, text := w.lastMapped()
	head := c.commit("two")
	c.must("push", w.url("shop", adminToken), "main:refs/heads/carrier")
	w.stop()
	err := w.db.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO git_pushes (id, app, branch, old, new, actor, manifest, hotfix, at) VALUES ('psh_1', 'shop', 'main', 'x', $1, 'person:dora', $2, 'null', $3)`,
			head, text, db.Micros(tx.Now()))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.start()
	w.waitSettled()
	c.must("push", w.url("shop", adminToken), "main~1:refs/heads/idea")
	c.must("--git-dir", w.door.repo("shop"), "update-ref", "refs/heads/main", head)
	if err := w.door.settleAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ev, p := w.lastPush(); p.After != head || ev.Actor != "person:dora" {
		t.Errorf("told as %s of %+v", ev.Actor, p)
	}
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
