package rollout

import (
	"testing"

	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/judge"
	"github.com/slipwayhq/slipway/internal/pure/replay"
)

func TestAVerdictOfLaterNamesHosts(t *testing.T) {
	m := &machine.Rollout{Names: map[string]string{"agt_7": "web-7"}}
	r := named(replay.Result{Reasons: []string{"it is the host agt_7 alone"}, Vitals: []judge.VitalEvidence{{Text: "the host agt_7", Suspect: "agt_7"}}}, m)
	if r.Reasons[0] != "it is the host web-7 alone" || r.Vitals[0].Text != "the host web-7" || r.Vitals[0].Suspect != "web-7" {
		t.Errorf("it says %+v", r)
	}
}

// Where a host that broke is left out the curves jump, and the mark says why; other moves are named by the state that they lead to.
func TestMarksSayWhereAHostIsLeftOut(t *testing.T) {
	d := Decision{From: machine.Watching, To: machine.Starting, Actor: actorSelf, Reasons: []event.Reason{machine.Because(machine.CodeSuspect, nil, "host h3 alone …")}}
	if m := markOf(d); m.Kind != "left_out" || m.Text != "host left out" {
		t.Errorf("the mark is %+v", m)
	}
	d.Reasons[0].Code = "staged"
	if m := markOf(d); m.Kind != "starting" || m.Text != "starting" {
		t.Errorf("the mark is %+v", m)
	}
}
