package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipwayhq/slipway/internal/agent/client"
	"github.com/slipwayhq/slipway/internal/agent/sink"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/statsd"
	"github.com/slipwayhq/slipway/internal/spool"
)

// meter measures the host and its releases once a second, and keeps the seconds until the server has them.
type meter struct {
	host    *Host
	boot    string
	number  int64
	spool   *spool.Spool
	sampler *sampler
	start   time.Time
	looked  time.Time             // when seen was
	seen    map[int]time.Duration // processor time by process, at the last look
	dropped map[string]int64      // since told
	told    time.Time
}

func (h *Host) newMeter() (*meter, error) {
	now := h.o.Clock()
	m := &meter{host: h, boot: event.NewKey("boot", now), sampler: newSampler(h.o.Dir), start: now, told: now, seen: map[int]time.Duration{}, dropped: map[string]int64{}}
	var err error
	m.spool, err = spool.Open(filepath.Join(h.o.Dir, "spool"), m.boot, h.o.SpoolLimit, h.o.Logger)
	return m, err
}

// run closes a second at each full second of the wall clock, and sends, until ctx ends. When the clock jumps, a second is named by the new time.
func (m *meter) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return m.spool.Run(ctx, m.post) })
	m.sampler.use()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		boundary := m.start.Truncate(time.Second).Add(time.Second)
		timer.Reset(min(max(boundary.Sub(m.host.o.Clock().Round(0)), 0), time.Second))
		select {
		case <-ctx.Done():
			return g.Wait()
		case <-timer.C:
		}
		m.close()
		// A timer that fires a little early must not open the same second again.
		if m.start = m.host.o.Clock().Round(0); m.start.Before(boundary) && boundary.Sub(m.start) < time.Second/2 {
			m.start = boundary
		}
	}
}

// end closes the last second. It stays on disk for the next agent to send.
func (m *meter) end() error {
	m.close()
	return m.spool.Close()
}

// close ends the second, and keeps it if it is worth telling.
func (m *meter) close() {
	list := m.host.living()
	sec := event.HostSecond{Agent: m.host.o.Client.Agent(), Boot: m.boot, Second: m.start.Unix()}
	if use, ok := m.sampler.use(); ok {
		sec.Host = &use
	}
	found := map[sink.Release]*event.ReleaseSecond{}
	of := func(r sink.Release) *event.ReleaseSecond {
		if found[r] == nil {
			found[r] = &event.ReleaseSecond{App: r.App, Env: r.Env, Release: r.ID}
		}
		return found[r]
	}
	for r, use := range m.uses(list) {
		of(r).Use = use
	}
	if m.host.sink != nil {
		came := m.host.sink.Drain(slices.Collect(maps.Keys(found)))
		for r, metrics := range came.Metrics {
			if r == (sink.Release{}) {
				sec.Unattributed = metrics
				continue
			}
			of(r).Metrics = metrics
		}
		for r, n := range came.Lost {
			if r != (sink.Release{}) {
				of(r).Lost = n
			}
		}
		sec.Statsd = came.Count
		m.warn(came.Count)
	}
	for _, r := range found {
		sec.Releases = append(sec.Releases, *r)
	}
	slices.SortFunc(sec.Releases, func(a, b event.ReleaseSecond) int {
		return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.Env, b.Env), cmp.Compare(a.Release, b.Release))
	})
	if len(sec.Releases) == 0 && sec.Statsd == nil {
		return // nothing that anybody could ask for; it takes no number
	}
	m.number++
	sec.Number = m.number
	m.spool.Put(sec)
}

// uses tells what the processes of each running release used since the last look; nil where one of them was not there then.
func (m *meter) uses(list []live) map[sink.Release]*event.ProcessUse {
	now := time.Now()
	passed := now.Sub(m.looked).Seconds()
	seen := map[int]time.Duration{}
	out := map[sink.Release]*event.ProcessUse{}
	unknown := map[sink.Release]bool{}
	used := usage(list)
	for i, l := range list {
		r := releaseOf(l.key)
		if out[r] == nil {
			out[r] = &event.ProcessUse{}
		}
		if used == nil {
			unknown[r] = true
			continue
		}
		u := used[i]
		before, known := m.seen[l.ident.PID]
		seen[l.ident.PID] = u.CPU
		unknown[r] = unknown[r] || !known || len(u.PIDs) == 0
		out[r].Processes += len(u.PIDs)
		out[r].CPU += max(0, (u.CPU-before).Seconds()/passed)
		out[r].Memory += u.Memory
	}
	for r := range unknown {
		if unknown[r] {
			out[r] = nil
		}
	}
	m.seen, m.looked = seen, now
	return out
}

// post sends seconds; nil means that the server has them for good.
func (m *meter) post(ctx context.Context, batch []byte) error {
	err := m.host.o.Client.Seconds(ctx, batch)
	var status *client.Status
	switch {
	case errors.Is(err, client.ErrGone):
		return fmt.Errorf("the server is of a version that keeps nothing of what hosts measure; upgrade it: %w", err)
	case errors.As(err, &status) && slices.Contains([]int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity}, status.Code):
		return fmt.Errorf("%w: %w", spool.ErrRefused, err)
	}
	return err
}

// warnEvery is how often it is logged that something was dropped.
const warnEvery = time.Minute

// warn tells of what was dropped, all reasons together, now and then.
func (m *meter) warn(count *event.StatsdCount) {
	if count != nil {
		for why, n := range count.Dropped {
			if why != statsd.Event.String() && why != statsd.ServiceCheck.String() { // nobody expects these to be used
				m.dropped[why] += n
			}
		}
	}
	now := m.host.o.Clock()
	if len(m.dropped) == 0 || now.Sub(m.told) < warnEvery {
		return
	}
	attrs := []any{"since", m.told.UTC().Format(time.RFC3339)}
	for _, why := range slices.Sorted(maps.Keys(m.dropped)) {
		attrs = append(attrs, slog.Int64(why, m.dropped[why]))
	}
	m.host.o.Logger.Warn("some of what apps sent by statsd was not used", attrs...)
	m.dropped, m.told = map[string]int64{}, now
}
