package git

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/event"
)

// waiting counts the pushes that wait for an app's lock.
func waiting() int {
	stacks := make([]byte, 4<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "git.(*Door).lock(")
}

// TestPushesWaitForEachOther holds an app's lock as a push does that is not settled yet. Two others to the same app come: they wait, nothing of them is to be seen, and when
// the lock is free both are accepted and told of, each once. One to another app is not held up.
func TestPushesWaitForEachOther(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := openOn(t, d, nil)
		base := newClone(t)
		base.commit("one", ".slipway.yaml", good("shop"))
		base.must("push", w.url("shop", adminToken), "main")
		unlock, err := w.door.lock(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		type result struct {
			branch, out string
			err         error
		}
		ended := make(chan result, 2)
		heads := map[string]string{}
		for i := range 2 {
			c := newClone(t)
			c.must("pull", "--quiet", w.url("shop", adminToken), "main")
			branch := fmt.Sprintf("b%d", i)
			heads[branch] = c.commit(branch, "file", branch)
			go func() {
				out, err := c.run("push", w.url("shop", adminToken), "main:"+branch)
				ended <- result{branch, out, err}
			}()
		}
		for end := time.Now().Add(time.Minute); waiting() < 2; time.Sleep(5 * time.Millisecond) {
			select {
			case r := <-ended:
				t.Fatalf("the push of %s did not wait: %v\n%s", r.branch, r.err, r.out)
			default:
			}
			if time.Now().After(end) {
				t.Fatalf("%d pushes wait", waiting())
			}
		}
		if refs := base.must("ls-remote", "--heads", w.url("shop", adminToken)); strings.Contains(refs, "/b") || len(w.pushed()) != 1 {
			t.Errorf("before it was their turn there is\n%s and %d pushes were told of", refs, len(w.pushed()))
		}
		other := newClone(t)
		other.commit("one", ".slipway.yaml", good("shoes"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if out, err := other.command(ctx, "push", w.url("shoes", adminToken), "main").CombinedOutput(); err != nil {
			t.Errorf("a push to another app: %v\n%s", err, out)
		}
		unlock()
		for range 2 {
			if r := <-ended; r.err != nil || strings.Contains(r.out, "went wrong") {
				t.Errorf("the push of %s: %v\n%s", r.branch, r.err, r.out)
			}
		}
		for _, ev := range w.pushed()[1:] {
			p, err := event.Decode[event.GitPushed](ev)
			if err != nil {
				t.Fatal(err)
			}
			if ev.App != "shop" {
				continue
			}
			if heads[p.Branch] != p.After || p.Before != "" {
				t.Errorf("told of %+v", p)
			}
			delete(heads, p.Branch)
		}
		if len(heads) > 0 {
			t.Errorf("nobody was told of %v", heads)
		}
	})
}
