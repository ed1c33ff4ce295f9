package line

import (
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/event"
)

// TestWhatIsHeldStandsOnTheLine, in front of what waits behind it, with who has to be asked and why; and so does everything else that somebody may look for.
func TestWhatIsHeldStandsOnTheLine(t *testing.T) {
	begin := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	at := func(minute int) time.Time { return begin.Add(time.Duration(minute) * time.Minute) }
	view := func(n int, state machine.State, outcome string) rollout.View {
		v := rollout.View{ID: "rol_" + string(rune('0'+n)), Number: n, State: state, Outcome: outcome, Sentence: "sentence of " + string(state), CreatedAt: at(n)}
		v.Release.Commit, v.Commits = v.ID, []event.Commit{{SHA: v.ID, Author: "Ana"}}
		return v
	}
	for name, c := range map[string]struct {
		rollouts []rollout.View
		builds   []build.Build
		want     []string
	}{
		"held": {[]rollout.View{view(5, machine.Queued, ""), view(4, machine.Held, ""), view(3, machine.Promoted, "promoted")}, nil, []string{"rol_5 waiting", "rol_4 held", "rol_3 live"}},
		"on its way": {[]rollout.View{view(4, machine.Watching, ""), view(3, machine.RolledBack, "rolled_back"), view(2, machine.Promoted, "promoted"), view(1, machine.RolledBack, "rolled_back")},
			nil, []string{"rol_4 canary", "rol_3 returned", "rol_2 live"}},
		"builds": {[]rollout.View{view(1, machine.Promoted, "promoted")}, []build.Build{
			{ID: "bld_5", State: build.Queued, QueuedAt: at(5)}, {ID: "bld_4", State: build.Testing, QueuedAt: at(4)}, {ID: "bld_3", State: build.Failed, QueuedAt: at(3)},
			{ID: "bld_2", State: build.Passed, QueuedAt: at(2)}, {ID: "bld_1", State: build.Failed, QueuedAt: at(1)},
		}, []string{"bld_5 waiting", "bld_4 tests", "bld_3 red", "rol_1 live"}},
	} {
		got := Cards(c.builds, c.rollouts)
		if len(got) != len(c.want) {
			t.Errorf("%s: %d cards, want %v", name, len(got), c.want)
			continue
		}
		for i, card := range got {
			if card.ID+" "+card.Stage != c.want[i] {
				t.Errorf("%s: card %d is %s %s, want %s", name, i, card.ID, card.Stage, c.want[i])
			}
			if card.Rollout != "" && card.Stage == "held" && (card.Sentence != "sentence of held" || card.Commit.Author != "Ana") {
				t.Errorf("%s: card %+v", name, card)
			}
		}
	}
}
