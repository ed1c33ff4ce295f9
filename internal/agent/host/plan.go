package host

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/wire"
)

// verb is what an action does.
type verb string

const (
	doStage   verb = "stage"        // fetch and unpack a release
	doAbandon verb = "abandon"      // stop fetching a release
	doBegin   verb = "begin"        // start a process and keep it up
	doDrain   verb = "drain"        // say that a process will stop
	doResume  verb = "resume"       // it may go on after all
	doEnd     verb = "end"          // stop a process
	doForget  verb = "forget"       // drop what is remembered of a stopped process
	doLink    verb = "link"         // let "current" name a release
	doDrop    verb = "drop release" // remove a release folder
	doErase   verb = "drop blob"    // remove an artifact
	doClear   verb = "clear"        // remove what is left of an environment
)

// action is one step towards the wish. Actions on different things may be done at once.
type action struct {
	do   verb
	on   serviceKey // as far as it applies
	blob string
}

// view is what there is, as far as it decides anything.
type view struct {
	releases map[releaseKey]releaseView
	services map[serviceKey]serviceView
	current  map[envKey]string
	blobs    map[string]bool
}

// place is where a release stands.
type place int

const (
	absent place = iota
	fetching
	staged
	removing
)

type releaseView struct {
	place place
	// retry is when staging may be tried again, zero if it has not failed.
	retry time.Time
}

// phase is where a process stands towards being stopped.
type phase int

const (
	running  phase = iota // kept up, restarted
	draining              // will stop, goes on for now
	ending                // gets its signals
	stopped
)

type serviceView struct {
	phase phase
	// visible is true while visitors may be sent to it: it was up.
	visible bool
	// told is when the server acknowledged that it is draining, zero before.
	told time.Time
}

// plan gives the steps that bring what there is closer to what is wished for, and the time at which to look again even if nothing changes (zero: never).
// It is complete: once it gives no steps and no time, the wish is fulfilled or something under way will change the view.
func plan(d wire.Desired, v view, drain time.Duration, now time.Time) (steps []action, next time.Time) {
	p := &planner{view: v, drain: drain, now: now, held: map[releaseKey]wire.HeldRelease{}, wanted: map[serviceKey]bool{}, envs: map[envKey]bool{}}
	for _, e := range d.Environments {
		p.want(e)
	}
	for _, e := range d.Environments {
		p.link(e)
	}
	p.stage()
	p.processes()
	p.sweep()
	slices.SortFunc(p.steps, func(a, b action) int {
		return cmp.Or(cmp.Compare(a.on.String(), b.on.String()), cmp.Compare(a.do, b.do), cmp.Compare(a.blob, b.blob))
	})
	return p.steps, p.next
}

type planner struct {
	view
	drain  time.Duration
	now    time.Time
	held   map[releaseKey]wire.HeldRelease
	wanted map[serviceKey]bool
	envs   map[envKey]bool
	steps  []action
	next   time.Time
}

func (p *planner) add(do verb, on serviceKey) { p.steps = append(p.steps, action{do: do, on: on}) }

// again asks for another look at t.
func (p *planner) again(t time.Time) {
	if p.next.IsZero() || t.Before(p.next) {
		p.next = t
	}
}

// want notes what an environment should have.
func (p *planner) want(e wire.DesiredEnv) {
	env := envKey{e.App, e.Env}
	p.envs[env] = true
	for _, h := range e.Hold {
		p.held[releaseKey{env, h.Release}] = h
	}
	maps.Copy(p.wanted, wantedOf(e, p.services))
}

func (p *planner) link(e wire.DesiredEnv) {
	key := releaseKey{envKey{e.App, e.Env}, e.Current}
	if e.Current != "" && p.releases[key].place == staged && p.current[key.envKey] != e.Current {
		p.add(doLink, serviceKey{releaseKey: key})
	}
}

// stage gets what should be held.
func (p *planner) stage() {
	for key := range p.held {
		r := p.releases[key]
		switch {
		case r.place != absent:
		case r.retry.After(p.now):
			p.again(r.retry)
		default:
			p.add(doStage, serviceKey{releaseKey: key})
		}
	}
}

// processes starts what should run and winds down what should not.
func (p *planner) processes() {
	for key := range p.wanted {
		if _, there := p.services[key]; !there && p.releases[key.releaseKey].place == staged {
			p.add(doBegin, key)
		}
	}
	for key, s := range p.services {
		_, replaced := p.heir(key)
		switch wanted := p.wanted[key]; {
		case s.phase == draining && (wanted || p.holdsOut(key, s)):
			p.add(doResume, key)
		case s.phase == stopped && (wanted || replaced || !p.isHeld(key.releaseKey)):
			p.add(doForget, key)
		case !wanted && p.holdsOut(key, s):
			// Its heir comes up beside it.
		case !wanted && s.phase == running && s.visible:
			p.add(doDrain, key)
		case !wanted && s.phase == running:
			p.add(doEnd, key)
		case !wanted && s.phase == draining:
			p.windDown(key, s)
		}
	}
}

// windDown ends a draining process once the drain time has passed since the server knew, or at once where nobody can be sent to it any more.
func (p *planner) windDown(key serviceKey, s serviceView) {
	switch end := s.told.Add(p.drain); {
	case !s.visible:
		p.add(doEnd, key)
	case s.told.IsZero():
		// Until the server knows, visitors may come: whoever acknowledges wakes us.
	case end.After(p.now):
		p.again(end)
	default:
		p.add(doEnd, key)
	}
}

func (p *planner) isHeld(key releaseKey) bool {
	_, ok := p.held[key]
	return ok
}

// sweep removes what nobody holds and nothing runs from.
func (p *planner) sweep() {
	inUse := map[releaseKey]bool{}
	blobs := map[string]bool{}
	for key, s := range p.services {
		inUse[key.releaseKey] = inUse[key.releaseKey] || s.phase != stopped
	}
	for _, h := range p.held {
		blobs[h.Artifact] = true
	}
	busy := map[envKey]bool{}
	fetches := false
	for key, r := range p.releases {
		fetches = fetches || r.place == fetching && !p.isHeld(key)
		switch {
		case p.isHeld(key):
		case r.place == fetching:
			p.add(doAbandon, serviceKey{releaseKey: key})
		case r.place == staged && !inUse[key]:
			p.add(doDrop, serviceKey{releaseKey: key})
		}
		busy[key.envKey] = busy[key.envKey] || r.place != absent
	}
	for env := range p.current {
		if !p.envs[env] && !busy[env] {
			p.add(doClear, serviceKey{releaseKey: releaseKey{envKey: env}})
		}
	}
	for sha := range p.blobs {
		// A fetch that is being abandoned may still write to its blob.
		if !blobs[sha] && !fetches {
			p.steps = append(p.steps, action{do: doErase, blob: sha})
		}
	}
}
