package machine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/fault"
)

// Command is what a person does to a rollout.
type Command string

// The commands.
const (
	Pause    Command = "pause"
	Resume   Command = "resume"
	Promote  Command = "promote"
	RollBack Command = "rollback"
)

// Order is the move that a command makes, or why it cannot.
func (m *Rollout) Order(cmd Command, who, why string) (Move, error) {
	if m.State.Ended() {
		return Move{}, fault.Conflict("this rollout has ended (%s); start another by a push or a rollback", m.Outcome)
	}
	if !m.Allows(cmd) {
		return Move{}, fault.Conflict("a rollout that is %s cannot be told to %s", m.State, cmd)
	}
	text := fmt.Sprintf("%s by %s", map[Command]string{
		Pause: "paused", Resume: "resumed", Promote: "promoted before the watch was over", RollBack: "rolled back",
	}[cmd], who)
	if why != "" {
		text += ": " + why
	}
	r := Because("by_"+string(cmd), nil, "%s", text)
	switch cmd {
	case Pause:
		return m.To(Paused, r), nil
	case Resume:
		if m.State == Paused {
			return m.To(m.Before, r), nil
		}
		return m.To(Watching, r), nil
	case Promote:
		if m.State == Queued {
			return m.To(Queued, Because("by_promote", nil, "sent ahead of everything by %s, to everyone at once: %s", who, why)), nil
		}
		return m.To(Promoting, r), nil
	default:
		if m.State == Queued {
			return m.To(Superseded, Because("by_rollback", nil, "taken back before it began, %s", strings.TrimPrefix(text, "rolled back "))), nil
		}
		return m.To(Returning, r), nil
	}
}

// Allows tells whether the state allows the command.
func (m *Rollout) Allows(cmd Command) bool {
	phase := m.Phase()
	switch cmd {
	case Pause:
		return m.State != Paused && m.State != Held && m.State != Promoting && m.State != Returning && m.State != Queued
	case Resume:
		return m.State == Paused || m.State == Held
	case Promote:
		// Where no process is up there is nothing to send visitors to.
		return m.State == Queued || m.up() && (phase == Shifting || phase == Settling || phase == Watching || m.State == Held)
	case RollBack:
		return m.State != Returning
	}
	return false
}

// up tells whether the new release's process is up on a host that is to run it now.
func (m *Rollout) up() bool {
	return slices.ContainsFunc(m.Hosts[:m.StartedHosts()], func(h string) bool { _, up := m.UpSince[h]; return up })
}

// Shift moves the clocks on by a pause.
func (m *Rollout) Shift(by time.Duration) {
	if s := m.Current(); !s.Until.IsZero() {
		s.Until = s.Until.Add(by)
	}
}
