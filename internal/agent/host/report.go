package host

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/agent/client"
	"github.com/slipwayhq/slipway/internal/wire"
)

// debounce gathers changes that come together into one report.
const debounce = 20 * time.Millisecond

// report tells the server after every change, and with every beat.
func (h *Host) report(ctx context.Context) error {
	beat := time.NewTicker(wire.BeatEvery)
	defer beat.Stop()
	sampler := newSampler(h.o.Dir)
	sample := sampler.take(h.o.Clock())
	var pause client.Backoff
	for {
		err := h.reportOnce(ctx, sample)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, client.ErrRemoved), errors.Is(err, client.ErrTooOld):
			return err
		case err != nil:
			pause.Wait(ctx) // the client has logged it; the next report says it all again
			continue
		}
		pause.Reset()
		sample = nil
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
			sample = sampler.take(h.o.Clock())
		case <-h.news:
			gather := time.NewTimer(debounce)
			select {
			case <-ctx.Done():
			case <-gather.C:
			}
			gather.Stop()
		}
	}
}

// reportOnce sends the state and, once the server has it, lets the draining of what it said go on.
func (h *Host) reportOnce(ctx context.Context, sample *wire.Sample) error {
	h.mu.Lock()
	report, upTo := h.describe(), h.changes
	h.mu.Unlock()
	report.Sample = sample
	if err := h.o.Client.Report(ctx, report); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.services {
		if s.phase == draining && s.told.IsZero() && s.drainSince <= upTo {
			s.told = h.o.Clock()
			ring(h.wake)
		}
	}
	return nil
}

// describe gives the whole state. Under mu.
func (h *Host) describe() wire.Report {
	r := wire.Report{Generation: h.desired.Generation, Environments: []wire.ReportEnv{}}
	named := map[envKey]bool{}
	for _, e := range h.desired.Environments {
		named[envKey{e.App, e.Env}] = true
		r.Environments = append(r.Environments, h.describeEnv(e))
	}
	// What is no longer wished for, and not gone yet.
	left := map[envKey]bool{}
	for key, s := range h.services {
		if !named[key.envKey] && s.phase != stopped {
			left[key.envKey] = true
		}
	}
	for env := range left {
		r.Environments = append(r.Environments, h.describeEnv(wire.DesiredEnv{App: env.App, Env: env.Env}))
	}
	slices.SortFunc(r.Environments, func(a, b wire.ReportEnv) int {
		return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.Env, b.Env))
	})
	return r
}

// describeEnv gives one environment: every release that is held, or still runs.
func (h *Host) describeEnv(e wire.DesiredEnv) wire.ReportEnv {
	env := envKey{e.App, e.Env}
	wanted := wantedOf(e, h.serviceViews())
	out := wire.ReportEnv{App: e.App, Env: e.Env, Deploy: e.Deploy, Current: h.current[env], Converged: true, Releases: []wire.ReportRelease{}}
	held := map[string]bool{}
	for _, r := range e.Hold {
		held[r.Release] = true
		out.Releases = append(out.Releases, h.describeRelease(e, releaseKey{env, r.Release}))
		here := h.releases[releaseKey{env, r.Release}]
		out.Converged = out.Converged && here != nil && here.place == staged
	}
	for key := range wanted {
		s := h.services[key]
		out.Converged = out.Converged && s != nil && s.phase == running && s.state == wire.ProcessUp
	}
	for key, s := range h.services {
		if key.envKey != env || wanted[key] || s.phase == stopped {
			continue
		}
		out.Converged = false
		if !held[key.Release] {
			held[key.Release] = true
			out.Releases = append(out.Releases, h.describeRelease(e, key.releaseKey))
		}
	}
	if e.Current != "" && out.Current != e.Current {
		out.Converged = false
	}
	slices.SortFunc(out.Releases, func(a, b wire.ReportRelease) int { return cmp.Compare(a.Release, b.Release) })
	return out
}

func (h *Host) describeRelease(e wire.DesiredEnv, key releaseKey) wire.ReportRelease {
	out := wire.ReportRelease{Release: key.Release, State: wire.ReleaseFetching}
	switch r := h.releases[key]; {
	case r == nil:
	case r.place == staged || r.place == removing:
		out.State = wire.ReleaseStaged
	case r.code != "":
		// While it is tried again it stays failed: the server need not see each try.
		out.State, out.Code, out.Text = wire.ReleaseFailed, r.code, r.text
	}
	run := slices.Contains(e.Run, key.Release)
	for on, s := range h.services {
		if on.releaseKey != key {
			continue
		}
		out.Processes = append(out.Processes, s.describe())
		if run && s.code != "" {
			out.State, out.Code, out.Text = wire.ReleaseFailed, s.code, s.text
		}
	}
	slices.SortFunc(out.Processes, func(a, b wire.ReportProcess) int {
		return cmp.Or(cmp.Compare(a.Process, b.Process), cmp.Compare(a.Start, b.Start))
	})
	return out
}

// describe gives one process. Under mu.
func (s *service) describe() wire.ReportProcess {
	out := wire.ReportProcess{Process: s.key.Process, Start: s.key.Start, State: s.state, PID: s.pid, Restarts: s.restarts, Text: s.text, Since: s.since.UTC()}
	if s.phase == draining || s.phase == ending {
		out.State = wire.ProcessStopping
	}
	if s.pid != 0 {
		out.Addr = s.addr()
	}
	return out
}
