package host

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/wire"
)

// pauses is a logger that passes on how long processes wait for their next start.
type pauses chan time.Duration

func (p pauses) Enabled(context.Context, slog.Level) bool { return true }
func (p pauses) WithAttrs([]slog.Attr) slog.Handler       { return p }
func (p pauses) WithGroup(string) slog.Handler            { return p }
func (p pauses) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "pause" {
			p <- a.Value.Duration()
		}
		return true
	})
	return nil
}

// TestWhatRanForAMinuteIsStartedAgainAtOnce: one that dies again and again is given longer and longer pauses; one that had run steadily is taken for well. Each death is
// told all the same.
func TestWhatRanForAMinuteIsStartedAgainAtOnce(t *testing.T) {
	s := newServer(t)
	told := make(pauses, 10)
	var ahead atomic.Int64
	s.hostIn(t.TempDir(), func(o *Options) {
		o.Logger = slog.New(told)
		o.Clock = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	one := s.release("rel_1", "well")
	s.wish(wire.DesiredEnv{Hold: []wire.HeldRelease{one}, Run: []string{"rel_1"}})
	deaths := 0
	die := func(after time.Duration) time.Duration {
		t.Helper()
		up := web(s.until("up", func(r wire.Report) bool {
			p := web(r, "rel_1")
			return p.State == wire.ProcessUp && p.Restarts == deaths
		}), "rel_1")
		ahead.Add(int64(after))
		if response, err := s.http.Client().Get("http://" + up.Addr + "/exit"); err == nil {
			_ = response.Body.Close()
		}
		deaths++
		s.until("crashed", isState("rel_1", wire.ProcessCrashed))
		return <-told
	}
	first, second, third := die(0), die(steadyTime/2), die(0)
	if first > 250*time.Millisecond || second <= first || third < 500*time.Millisecond {
		t.Errorf("the pauses after early deaths are %s, %s, %s", first, second, third)
	}
	if steady := die(steadyTime); steady > 250*time.Millisecond {
		t.Errorf("the pause after a steady minute is %s", steady)
	}
	s.until("up again", func(r wire.Report) bool { p := web(r, "rel_1"); return p.State == wire.ProcessUp && p.Restarts == 4 })
}
