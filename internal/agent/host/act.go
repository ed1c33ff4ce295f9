package host

import (
	"context"
	"errors"
	"time"

	"github.com/slipwayhq/slipway/internal/artifact"
	"github.com/slipwayhq/slipway/internal/wire"
)

// act begins one step. It is called under mu and never waits: what takes time goes on by itself and wakes the planner when it is done.
// It is false for a step that could not be done, which is tried again at the next look, whatever the cause of that.
func (h *Host) act(ctx context.Context, step action) bool {
	key := step.on.releaseKey
	switch step.do {
	case doStage:
		h.stage(ctx, key)
	case doAbandon:
		h.releases[key].cancel()
	case doBegin:
		h.begin(ctx, step.on)
	case doDrain:
		s := h.services[step.on]
		s.phase, s.told, s.drainSince = draining, time.Time{}, h.changes+1
	case doResume:
		h.services[step.on].phase = running
	case doEnd:
		h.services[step.on].end()
	case doForget:
		delete(h.services, step.on)
	case doLink:
		return h.link(key)
	case doDrop:
		h.drop(key)
	case doErase:
		return h.erase(step.blob)
	case doClear:
		return h.clear(key.envKey)
	}
	return true
}

// stage fetches and unpacks a release.
func (h *Host) stage(ctx context.Context, key releaseKey) {
	held, ok := h.heldRelease(key)
	if !ok {
		return
	}
	r := h.releases[key]
	if r == nil {
		r = &release{}
		h.releases[key] = r
	}
	if _, known := h.current[key.envKey]; !known {
		h.current[key.envKey] = ""
	}
	ctx, r.cancel = context.WithCancel(ctx)
	r.place = fetching
	h.tasks.Go(func() {
		defer r.cancel()
		code, err := h.fetchAndUnpack(ctx, key, held)
		if err != nil && ctx.Err() == nil {
			h.o.Logger.Error("cannot stage a release", "release", key.String(), "code", code, "error", err)
		}
		h.update(func() {
			switch {
			case err == nil:
				h.releases[key] = &release{place: staged}
			case ctx.Err() != nil:
				delete(h.releases, key)
			default:
				r.fail(code, err, h.o.Clock())
			}
		})
	})
}

// fail notes that staging did not work, and when to try again.
func (r *release) fail(code string, err error, now time.Time) {
	const first, slowest = time.Second, time.Minute
	r.place, r.code, r.text = absent, code, err.Error()
	r.retry = now.Add(min(slowest, first<<min(r.tries, 10)))
	r.tries++
}

// fetchAndUnpack gives the code of the report with its error.
func (h *Host) fetchAndUnpack(ctx context.Context, key releaseKey, held wire.HeldRelease) (code string, err error) {
	blob, err := h.store.fetch(ctx, held.Artifact, held.Size)
	if err != nil {
		return codeOf(err, "fetch"), err
	}
	err = h.unpack(blob, key, held.Artifact)
	if artifact.CodeOf(err) == artifact.CodeHash {
		// It was right when it was stored: the disk has changed it. The next try fetches it anew.
		err = errors.Join(err, h.store.remove(held.Artifact))
	}
	if err != nil {
		return codeOf(err, "unpack"), err
	}
	return "", nil
}

func codeOf(err error, otherwise string) string {
	if code := artifact.CodeOf(err); code != "" {
		return string(code)
	}
	return otherwise
}

func (h *Host) begin(ctx context.Context, key serviceKey) {
	held, ok := h.heldRelease(key.releaseKey)
	if !ok {
		return
	}
	s := h.newService(key, held.Processes[key.Process])
	s.starts = h.past[key]
	delete(h.past, key)
	h.services[key] = s
	h.tasks.Go(func() { s.run(ctx, nil) })
}

func (h *Host) drop(key releaseKey) {
	h.releases[key].place = removing
	h.tasks.Go(func() {
		err := h.removeRelease(key)
		if err != nil {
			h.o.Logger.Error("cannot remove a release", "release", key.String(), "error", err)
		}
		h.update(func() { delete(h.releases, key) })
	})
}

func (h *Host) link(key releaseKey) bool {
	if err := h.switchCurrent(key); err != nil {
		h.o.Logger.Error("cannot switch the current release", "release", key.String(), "error", err)
		return false
	}
	h.current[key.envKey] = key.Release
	return true
}

func (h *Host) erase(sha string) bool {
	if err := h.store.remove(sha); err != nil {
		h.o.Logger.Error("cannot remove an artifact", "artifact", sha, "error", err)
		return false
	}
	return true
}

func (h *Host) clear(env envKey) bool {
	if err := h.removeEnvironment(env); err != nil {
		h.o.Logger.Error("cannot remove an environment", "environment", env.String(), "error", err)
		return false
	}
	delete(h.current, env)
	return true
}

// heldRelease finds a release in the wish. Under mu.
func (h *Host) heldRelease(key releaseKey) (wire.HeldRelease, bool) {
	for _, e := range h.desired.Environments {
		if (envKey{e.App, e.Env}) != key.envKey {
			continue
		}
		for _, held := range e.Hold {
			if held.Release == key.Release {
				return held, true
			}
		}
	}
	return wire.HeldRelease{}, false
}
