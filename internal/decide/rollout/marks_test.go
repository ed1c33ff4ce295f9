package rollout

import (
	"testing"

	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
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
