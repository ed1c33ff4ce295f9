package machine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// Times of the machine that no policy names.
const (
	// stageTime is how long hosts may take to fetch a release before they are left out.
	stageTime = 3 * time.Minute
	// startGrace is how long hosts may take to bring a release up, beyond what its processes may, before they are left out.
	startGrace = time.Minute
	// defaultUpWithin stands for the processes' times where a rollout does not tell.
	defaultUpWithin = 40 * time.Second
	// promoteTime is how long hosts may take to bring the release up that everyone is about to be sent to, before it goes on without them.
	promoteTime = 30 * time.Second
	// crashLimit is how many deaths of the new release's processes, over all hosts, count as a crash loop.
	crashLimit = 3
	// firstWatch is how long a first release is looked at when the policy's settling is shorter.
	firstWatch = 2 * time.Second
)

// Move is where the machine goes, and why.
type Move struct {
	To      State
	Step    int
	Reasons []event.Reason
	// LeaveOut are hosts that the rollout goes on without.
	LeaveOut []string
	// Restart are hosts that start the old release anew, and GiveUp those that could not.
	Restart, GiveUp []string
}

// Decide gives the machine's next move at now, or ok false when it stays. It changes nothing.
func (m *Rollout) Decide(now time.Time) (mv Move, ok bool) {
	if m.State.Ended() || m.State == Queued {
		return mv, false
	}
	if why := m.mustReturn(); len(why) > 0 {
		return m.To(Returning, why...), true
	}
	if len(m.Hosts) == 0 && m.waitsForHosts() {
		return m.To(Queued, Because("no_hosts_left", nil, "no host that takes part is left in the environment; it begins anew with those that join")), true
	}
	if gone := m.goneCanary(); gone != "" {
		return m.To(Starting, Because("redrawn", nil, "host %s was taken out of the environment; another one is drawn in its place", gone)), true
	}
	if m.Verdict == judge.WrongSplit && !m.SplitTold && (m.State == Settling || m.State == Watching) {
		return m.splitHeld(), true
	}
	if broken := m.brokenCanary(); broken != "" {
		return m.redrawn(broken), true
	}
	switch m.State {
	case Staging:
		return m.decideStaging(now)
	case Starting:
		return m.decideStarting(now)
	case Shifting:
		if m.InForce {
			return m.To(Settling, Because("in_force", map[string]float64{"share": m.Reach()}, "the edges send %s to the new release", m.shareWords())), true
		}
	case Settling:
		if !now.Before(m.settledAt()) {
			return m.To(Watching, m.settledReason()), true
		}
	case Watching:
		if !now.Before(m.Current().Until) {
			return m.decideWatched(), true
		}
	case Promoting:
		if !m.Everyone && m.mayReceive(now) {
			return m.To(Promoting, Because("everywhere", nil, "the new release is up wherever it can be; everyone moves to it")), true
		}
		if m.Everyone && m.InForce {
			return m.To(Promoted, Because("everyone", nil, "everyone is on the new release")), true
		}
	case Returning:
		if m.InForce {
			return m.To(RolledBack, Because("nobody", nil, "nobody is on the new release any more")), true
		}
	}
	return mv, false
}

// WakeAt is the next time at which decide may say something new by itself; zero when only an event can.
func (m *Rollout) WakeAt() time.Time {
	switch m.State {
	case Staging:
		return m.Since.Add(stageTime)
	case Starting:
		return m.Since.Add(m.startTime())
	case Settling:
		return m.settledAt()
	case Watching:
		return m.Current().Until
	case Promoting:
		if !m.Everyone {
			return m.Since.Add(promoteTime)
		}
	}
	return time.Time{}
}

// To is the move into a state, in the present step.
func (m *Rollout) To(s State, reasons ...event.Reason) Move {
	return Move{To: s, Step: m.Step, Reasons: reasons}
}

// mustReturn gives the grounds on which the release goes back at once, whatever the state.
func (m *Rollout) mustReturn() []event.Reason {
	if m.State == Returning || m.State == Promoting {
		return nil
	}
	var why []event.Reason
	for _, h := range sortedKeys(m.Failed) {
		f := m.Failed[h]
		if f.Release == m.Release && f.blames() {
			why = append(why, Because("host_"+f.Code, nil, "host %s: %s", h, f.Text))
		}
	}
	if deaths := m.deaths(); deaths >= crashLimit {
		hosts := sortedKeys(m.Crashes)
		h := hosts[len(hosts)-1]
		last := fmt.Sprintf("on host %s: %s", h, m.Crashes[h].Text)
		why = append(why, Because("crash_loop", map[string]float64{"deaths": float64(deaths)}, "the new release's process died %d times, last %s", deaths, last))
	}
	if m.Verdict == judge.Regressed {
		why = append(why, JudgeReasons(judge.Judge(m.Judge, m.Evidence))...)
	}
	return why
}

// waitsForHosts tells whether the rollout gives up its turn when its last host is taken away. Nothing runs then, neither the new release nor the old one: going back
// would help no visitor, and ending it would throw away a commit that nobody found bad, so that somebody had to push it again. Whoever takes away all hosts is about
// to put others in their place, and expects what was on its way to go out to them. So it waits for one, whether or not there is an older release. What somebody holds
// in their hands (paused, held) stays there until they let go; what is decided already (promoting, returning) is over in a moment.
func (m *Rollout) waitsForHosts() bool {
	switch m.State {
	case Staging, Starting, Shifting, Settling, Watching:
		return true
	}
	return false
}

// deaths counts how often the new release's process died, over all hosts.
func (m *Rollout) deaths() int {
	n := 0
	for _, c := range m.Crashes {
		n += c.Restarts
	}
	return n
}

// blames tells whether a failure is the release's fault: a full disk, a failed download or a lack of free ports is the host's.
func (f Failure) blames() bool { return f.Code != "fetch" && f.Code != "disk" && f.Code != "port" }

// lostCanary names a canary that is lost while another host, that is heard of, could take its place; empty when there is none.
func (m *Rollout) lostCanary() string {
	started := m.StartedHosts()
	spare := slices.ContainsFunc(m.Hosts[started:], func(h string) bool { return !slices.Contains(m.Lost, h) })
	for _, h := range m.Hosts[:started] {
		if spare && slices.Contains(m.Lost, h) {
			return h
		}
	}
	return ""
}

// unasked names a canary that has moved up in the draw and was not asked to run the new release yet; empty when there is none.
func (m *Rollout) unasked() string {
	wishes := m.wishHosts()
	for _, h := range m.Hosts[:m.StartedHosts()] {
		if m.Asked[h].Wish != wishes[h].key() {
			return h
		}
	}
	return ""
}

// goneCanary names a canary that was taken out of the environment while visitors were sent to it; empty when there is none.
func (m *Rollout) goneCanary() string {
	if m.State != Shifting && m.State != Settling && m.State != Watching {
		return ""
	}
	for _, h := range m.Split.NewHosts {
		if !slices.Contains(m.Hosts, h) {
			return h
		}
	}
	return ""
}

// mayReceive tells whether everyone may be sent to the new release: it is up on every host that is heard of and has not said that it cannot, or on some of them and
// the others had their time.
func (m *Rollout) mayReceive(now time.Time) bool {
	if len(m.Hosts) == 0 {
		return true // there is nobody to wait for
	}
	late := slices.ContainsFunc(m.waiting(), func(h string) bool { return m.Failed[h].Code == "" })
	return m.answered(len(m.Hosts)) && (!late || now.Sub(m.Since) >= promoteTime)
}

// answered tells whether at least one of the first n hosts is heard of and did what was asked: where all are lost there is nobody to send visitors to.
func (m *Rollout) answered(n int) bool {
	for _, h := range m.Hosts[:n] {
		if !m.Waiting[h] && !slices.Contains(m.Lost, h) {
			return true
		}
	}
	return false
}

// decideWatched is what happens at the end of a watch.
func (m *Rollout) decideWatched() Move {
	last := m.Step == len(m.Steps)-1
	switch {
	case m.Back:
		return m.To(Promoting, Because("by_going_back", nil, "%s", m.backWords()))
	case m.First():
		return m.To(Promoting, Because("first_release", nil, "this is the first release: there is nothing to compare it with, so its health alone decided"))
	case !m.Judged():
		return m.To(Promoting, Because("watch_skipped", nil, "%s skipped the watch: %s", m.hotfixWords(), m.Hotfix.Reason))
	}
	v := judge.Judge(m.Judge, m.Evidence)
	if v.Outcome == judge.WrongSplit {
		return m.splitHeld()
	}
	why := JudgeReasons(v)
	if v.Outcome == judge.Unknown {
		switch m.Policy.Unknown {
		case manifest.UnknownHold:
			return m.To(Held, append(why, Because("unknown_hold", nil, "the watch is over and cannot tell; the policy says to hold until somebody decides"))...)
		case manifest.UnknownWait:
			// The watch goes on: see prolong.
			return m.To(Watching, append(why, Because("unknown_wait", nil, "the watch is over and cannot tell; the policy says to wait on"))...)
		default:
			if n := m.deaths(); n > 0 {
				return m.To(Held, append(why, Because("unknown_crashed", map[string]float64{"deaths": float64(n)},
					"the watch is over and cannot tell, and the new release's process died %d times; somebody should look", n))...)
			}
			why = append(why, Because("unknown_promote", nil, "the watch is over and cannot tell; nothing crashed, and the policy says to go on"))
		}
	}
	if last {
		return m.To(Promoting, why...)
	}
	mv := m.To(Starting, why...)
	mv.Step = m.Step + 1
	return mv
}

// splitHeld stops where the releases do not get the traffic that they were meant to: nothing can be compared then, and what is wrong may be anything.
func (m *Rollout) splitHeld() Move {
	return m.To(Held, append(JudgeReasons(judge.Judge(m.Judge, m.Evidence)),
		Because("split_hold", nil, "it is held until somebody decides"))...)
}

// CodeSuspect is the first reason of a move that goes on without a host that broke.
const CodeSuspect = "host_suspect"

// redrawn goes on without a host that broke. What it showed is no fault of the release.
func (m *Rollout) redrawn(host string) Move {
	rest := *m
	rest.Hosts = slices.DeleteFunc(slices.Clone(m.Hosts), func(h string) bool { return h == host })
	next := "another one is drawn in its place"
	if rest.canaries() < m.canaries() {
		next = "it is left out, and the watch begins again without it"
	}
	why := []event.Reason{Because(CodeSuspect, nil, "host %s alone makes the new release look bad: look at that host; %s", host, next)}
	for _, e := range judge.Judge(m.Judge, m.Evidence).Vitals {
		if e.Suspect == host {
			why = append(why, Because(e.Name+"_suspect", map[string]float64{"log10_e": e.EValue, "log10_threshold": e.Threshold}, "%s", e.Text))
		}
	}
	mv := m.To(Starting, why...)
	mv.LeaveOut = []string{host}
	return mv
}

// JudgeReasons puts a verdict's reasons into the event's form.
func JudgeReasons(v judge.Verdict) []event.Reason {
	var out []event.Reason
	for _, r := range v.Reasons {
		er := event.Reason{Code: strings.TrimPrefix(r.Vital+"_"+string(r.About), "_"), Text: r.Text}
		for _, e := range v.Vitals {
			if e.Name == r.Vital {
				er.Numbers = map[string]float64{
					"log10_e": e.Peak, "log10_threshold": e.Threshold, "new": float64(e.New), "old": float64(e.Old),
					"ratio": e.RatioEstimate, "missing_requests": float64(e.Needed.Requests),
				}
			}
		}
		out = append(out, er)
	}
	return out
}

// Because makes one reason of a move: a code for machines, a sentence for people, and the numbers in it.
func Because(code string, numbers map[string]float64, format string, args ...any) event.Reason {
	return event.Reason{Code: code, Text: fmt.Sprintf(format, args...), Numbers: numbers}
}

func hostCount(n int) string {
	if n == 1 {
		return "1 host"
	}
	return fmt.Sprintf("%d hosts", n)
}

// shareWords says who is on the new release in the present step.
func (m *Rollout) shareWords() string {
	if m.First() {
		return "everyone"
	}
	if m.Mode == manifest.CanaryHosts {
		return fmt.Sprintf("the visitors of %d of %d hosts", m.canaries(), len(m.Hosts))
	}
	return fmt.Sprintf("%.4g %% of %s", 100*m.Reach(), m.Mode)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
