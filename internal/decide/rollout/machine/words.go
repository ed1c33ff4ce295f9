package machine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
)

// Progress is the part of the planned time that is over, and the seconds that are left of it.
func (m *Rollout) Progress(now time.Time) (done, eta float64) {
	if m.State.Ended() {
		return 1, 0
	}
	var total, left float64
	for i, s := range m.Steps {
		span := (s.Watch + m.Policy.Settle.Duration).Seconds() + 1
		total += span
		switch {
		case i > m.Step || i == m.Step && s.Started.IsZero():
			left += span
		case i == m.Step:
			left += max(span-now.Sub(s.Started).Seconds(), 0)
		}
	}
	if total == 0 {
		return 0, 0
	}
	return 1 - left/total, left
}

// Sentence is the state in one line: what goes on, and when it is over. ratio is the new release's errors over the old one's, 0 when not known.
func (m *Rollout) Sentence(now time.Time, ratio float64) string {
	why := ""
	if len(m.Reasons) > 0 {
		why = m.Reasons[0].Text
	}
	switch m.State {
	case Queued:
		if why != "" {
			return "Waits: " + why
		}
		return "Waits for its turn"
	case Staging:
		return fmt.Sprintf("%d of %d hosts hold %s", m.ready(len(m.Hosts)), len(m.Hosts), m.what())
	case Starting:
		if text := m.controlsSentence(); text != "" {
			return text
		}
		return fmt.Sprintf("%s comes up: %d of %d hosts are ready", capital(m.what()), m.ready(m.StartedHosts()), m.StartedHosts())
	case Shifting:
		return fmt.Sprintf("Visitors move to %s: %s", m.what(), m.shareWords())
	case Settling:
		return fmt.Sprintf("Settles: %.0f s to go", max(m.settledAt().Sub(now).Seconds(), 0))
	case Watching:
		return m.watchSentence(now, ratio)
	case Paused:
		return fmt.Sprintf("Paused, with %s on the new release: %s", m.shareWords(), why)
	case Held:
		return "Held until somebody decides: " + why
	case Promoting:
		return "Everyone moves to " + m.what()
	case Returning:
		return "Goes back: " + why
	case Promoted:
		return endSentence("Promoted", m.EndReasons())
	case RolledBack:
		return endSentence("Rolled back", m.EndReasons())
	default:
		return endSentence("Superseded", m.Reasons)
	}
}

// endSentence says what came of it and why. What a person did says both already.
func endSentence(outcome string, why []event.Reason) string {
	switch {
	case len(why) == 0:
		return outcome
	case strings.HasPrefix(why[0].Code, "by_"):
		return capital(why[0].Text)
	}
	return outcome + ": " + why[0].Text
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// what is the release that goes out, in words.
func (m *Rollout) what() string {
	if m.Back && m.BackTo > 0 {
		return fmt.Sprintf("release #%d", m.BackTo)
	}
	return "the new release"
}

// backWords says where a rollout goes back to, who wanted it, and why.
func (m *Rollout) backWords() string {
	text := "back to " + m.what()
	if m.Hotfix == nil {
		return text
	}
	if m.Hotfix.By != "" {
		text += ", by " + nameOf(m.Hotfix.By)
	}
	if m.Hotfix.Reason != "" {
		text += ": " + m.Hotfix.Reason
	}
	return text
}

// hotfixWords says whose hotfix it is.
func (m *Rollout) hotfixWords() string {
	if m.Hotfix.By == "" {
		return "this hotfix"
	}
	return "this hotfix of " + nameOf(m.Hotfix.By)
}

// nameOf is the name in an actor: "person:ana" is ana.
func nameOf(actor string) string {
	_, name, ok := strings.Cut(actor, ":")
	if !ok {
		return actor
	}
	return name
}

// ready counts those of the first n hosts that are heard of and did what was asked of them.
func (m *Rollout) ready(n int) int {
	count := 0
	for _, h := range m.Hosts[:n] {
		if !m.Waiting[h] && !slices.Contains(m.Lost, h) {
			count++
		}
	}
	return count
}

func (m *Rollout) watchSentence(now time.Time, ratio float64) string {
	left := max(m.Current().Until.Sub(now).Seconds(), 0)
	text := fmt.Sprintf("Watched with %s: %.0f s to go", m.shareWords(), left)
	if ratio > 0 {
		digits := 1
		if ratio >= 10 {
			digits = 0
		}
		text += fmt.Sprintf("; errors %.*f times the old release's", digits, ratio)
	}
	return text
}

// HostState is what a host is up to in the rollout: waiting, ready, failed, lost or left_out.
func (m *Rollout) HostState(id string, left bool) string {
	switch {
	case left:
		return "left_out"
	case slices.Contains(m.Lost, id):
		return "lost"
	case m.Failed[id].Code != "":
		return "failed"
	case m.Waiting[id]:
		return "waiting"
	}
	return "ready"
}
