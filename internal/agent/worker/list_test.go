package worker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
	"github.com/slipwayhq/slipway/internal/wire"
)

// A list that never ends is stopped by what it prints, long before its time is over, and what is wrong with it is said.
func TestAListWithoutEndIsStopped(t *testing.T) {
	w := newWorld(t)
	w.worker("w1")
	s := suite("yes 'a line that a test command prints for ever'", "true")
	s.Timeout = manifest.Every(time.Hour)
	w.push(manifestOf("", s))
	b := w.ended(1)
	const want = "The list printed more than 48 MiB and was stopped"
	if b.State != build.Failed || len(b.Reasons) == 0 || !strings.Contains(b.Reasons[0].Text, want) {
		t.Errorf("the build is %s: %+v", b.State, b.Reasons)
	}
	if log := w.log(b.ID, leaseOf(b, wire.LeaseList).ID); !strings.Contains(log, want) {
		t.Errorf("the log of the list ends with %q", log[max(0, len(log)-500):])
	}
	// The worker takes work again, in the same checkout.
	w.push(manifestOf("", suite("echo a", "true")))
	w.passed(2)
}
