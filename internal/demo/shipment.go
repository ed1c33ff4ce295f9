package demo

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
)

// shipment is one commit on its way, as the events tell it.
type shipment struct {
	story   string
	commit  string
	subject string
	site    string // where links begin

	build, release, rollout string
	number                  int  // of the build
	alone                   bool // there is no old release
	failed                  string
	ended                   *event.RolloutEnded
	at                      map[string]time.Time
}

func newShipment(story, commit, subject, site string) *shipment {
	return &shipment{story: story, commit: commit, subject: subject, site: site, at: map[string]time.Time{}}
}

// over tells whether nothing more happens to the commit.
func (s *shipment) over() bool { return s.ended != nil || s.failed != "" }

// see takes an event in and gives what there is to tell.
func (s *shipment) see(ev event.Event) ([]Scene, error) {
	switch ev.Type {
	case event.GitPushed{}.EventType():
		return on(ev, s.pushed)
	case event.BuildQueued{}.EventType():
		return on(ev, s.queued)
	case event.BuildStarted{}.EventType():
		return on(ev, s.started)
	case event.BuildListed{}.EventType():
		return on(ev, s.listed)
	case event.BuildPassed{}.EventType():
		return on(ev, s.passed)
	case event.BuildFailed{}.EventType():
		return on(ev, s.red)
	case event.ReleaseCreated{}.EventType():
		return on(ev, s.released)
	case event.RolloutQueued{}.EventType():
		return on(ev, s.rolling)
	case event.RolloutStarted{}.EventType():
		return on(ev, s.turn)
	case event.RolloutMoved{}.EventType():
		return on(ev, s.moved)
	case event.RolloutJudged{}.EventType():
		return on(ev, s.judged)
	case event.RolloutEnded{}.EventType():
		return on(ev, s.end)
	}
	return nil, nil
}

func on[T event.Payload](ev event.Event, tell func(T, time.Time) []Scene) ([]Scene, error) {
	p, err := event.Decode[T](ev)
	if err != nil {
		return nil, err
	}
	scenes := tell(p, ev.Time)
	return scenes, nil
}

// mark notes when something came first.
func (s *shipment) mark(what string, at time.Time) {
	if s.at[what].IsZero() {
		s.at[what] = at
	}
}

func (s *shipment) scene(kind, state, format string, args ...any) []Scene {
	return []Scene{{Type: kind, Story: s.story, State: state, Text: fmt.Sprintf(format, args...)}}
}

func (s *shipment) pushed(p event.GitPushed, at time.Time) []Scene {
	if p.After != s.commit {
		return nil
	}
	s.mark("pushed", at)
	by := ""
	if n := len(p.Commits); n > 0 {
		by = p.Commits[n-1].Author
	}
	return s.scene("push", "accepted", "%s pushed %s %q", cmp.Or(by, "somebody"), s.commit[:8], s.subject)
}

func (s *shipment) queued(p event.BuildQueued, at time.Time) []Scene {
	if p.Head != s.commit {
		return nil
	}
	s.mark("queued", at)
	s.build, s.number = p.Build, p.Number
	scenes := s.scene("build", "queued", "  build #%d: %s/apps/%s/builds/%s", p.Number, s.site, appName, p.Build)
	scenes[0].URL = fmt.Sprintf("%s/apps/%s/builds/%s", s.site, appName, p.Build)
	return scenes
}

func (s *shipment) started(p event.BuildStarted, at time.Time) []Scene {
	if p.Build == s.build {
		s.mark("started", at)
	}
	return nil
}

func (s *shipment) listed(p event.BuildListed, at time.Time) []Scene {
	if p.Build != s.build {
		return nil
	}
	s.mark("listed", at)
	return s.scene("build", "listed", "  %d test units go to the workers", p.Units)
}

func (s *shipment) passed(p event.BuildPassed, at time.Time) []Scene {
	if p.Build != s.build {
		return nil
	}
	s.mark("passed", at)
	return s.scene("build", "passed", "  all tests passed, %.1f s after the push; the artifact has %.1f MB", s.since("pushed", at), float64(p.Size)/1e6)
}

func (s *shipment) red(p event.BuildFailed, at time.Time) []Scene {
	if p.Build != s.build {
		return nil
	}
	s.mark("failed", at)
	s.failed = "the build failed"
	if len(p.Reasons) > 0 {
		s.failed = p.Reasons[0].Text
	}
	return s.scene("build", "failed", "  red: %s", s.failed)
}

func (s *shipment) released(p event.ReleaseCreated, at time.Time) []Scene {
	if p.Build == s.build && s.build != "" {
		s.mark("released", at)
		s.release = p.Release
	}
	return nil
}

func (s *shipment) rolling(p event.RolloutQueued, at time.Time) []Scene {
	if p.Release != s.release || s.release == "" {
		return nil
	}
	s.mark("rollout", at)
	s.rollout = p.Rollout
	scenes := s.scene("rollout", "queued", "  rollout #%d: %s/apps/%s/rollouts/%s", p.Number, s.site, appName, p.Rollout)
	scenes[0].URL = fmt.Sprintf("%s/apps/%s/rollouts/%s", s.site, appName, p.Rollout)
	return scenes
}

func (s *shipment) turn(p event.RolloutStarted, _ time.Time) []Scene {
	if p.Rollout == s.rollout && s.rollout != "" {
		s.alone = p.From == ""
	}
	return nil
}

func (s *shipment) moved(p event.RolloutMoved, at time.Time) []Scene {
	if p.Rollout != s.rollout || s.rollout == "" {
		return nil
	}
	s.mark(p.To, at)
	text := ""
	switch p.To {
	case "starting":
		text = "  all hosts hold it; it starts beside the old release"
		if s.alone {
			text = "  all hosts hold it; it starts, and there is nothing to compare it with"
		}
	case "shifting":
		text = fmt.Sprintf("  step %d: the new release is for %.3g %% of the visitors from now on", p.Step+1, 100*p.Share)
	case "promoting", "returning", "held", "paused":
		if len(p.Reasons) > 0 {
			text = "  " + p.To + ": " + p.Reasons[0].Text
		}
	}
	if text == "" {
		return nil
	}
	scenes := s.scene("rollout", p.To, "%s", text)
	scenes[0].Share = p.Share
	return scenes
}

func (s *shipment) judged(p event.RolloutJudged, at time.Time) []Scene {
	if p.Rollout != s.rollout || s.rollout == "" {
		return nil
	}
	s.mark(p.Verdict, at)
	text := "  verdict: " + p.Verdict
	if len(p.Reasons) > 0 {
		text += ": " + p.Reasons[0].Text
	}
	scenes := s.scene("verdict", p.Verdict, "%s", text)
	scenes[0].Verdict = p.Verdict
	return scenes
}

func (s *shipment) end(p event.RolloutEnded, at time.Time) []Scene {
	if p.Rollout != s.rollout || s.rollout == "" {
		return nil
	}
	s.mark("ended", at)
	s.ended = &p
	scenes := s.scene("rollout", p.Outcome, "  %s, %.1f s after the push", spaced(p.Outcome), s.since("pushed", at))
	scenes[0].Verdict = p.Verdict
	scenes = append(scenes, Scene{Type: "stages", Story: s.story, Seconds: s.stages(), Text: "  " + s.stageWords()})
	return scenes
}

// since is the seconds from a mark on.
func (s *shipment) since(mark string, at time.Time) float64 {
	if s.at[mark].IsZero() {
		return 0
	}
	return at.Sub(s.at[mark]).Seconds()
}

// milestones are what stages end with, in order.
var milestones = [...]string{"started", "listed", "passed", "starting", "shifting", "settling", "watching", "ended"}

// stages are the seconds from the push to each milestone.
func (s *shipment) stages() map[string]float64 {
	out := map[string]float64{}
	for _, m := range milestones {
		if at := s.at[m]; !at.IsZero() {
			out[m] = float64(at.Sub(s.at["pushed"]).Milliseconds()) / 1000
		}
	}
	return out
}

func (s *shipment) stageWords() string {
	var stages []string
	for _, m := range milestones {
		if at := s.at[m]; !at.IsZero() {
			stages = append(stages, fmt.Sprintf("%s %.1f", m, s.since("pushed", at)))
		}
	}
	return "seconds after the push: " + strings.Join(stages, ", ")
}

// detection is the seconds from the first visitors on the release to the verdict that it regressed.
func (s *shipment) detection() float64 {
	from, to := s.at["shifting"], s.at["regressed"]
	if to.IsZero() {
		to = s.at["returning"]
	}
	if from.IsZero() || to.IsZero() {
		return 0
	}
	return float64(to.Sub(from).Milliseconds()) / 1000
}
