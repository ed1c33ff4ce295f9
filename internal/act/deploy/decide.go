package deploy

import (
	"cmp"
	"slices"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/wire"
)

// process is a process of a release on a host, as last told.
type process struct {
	release, name string
	state, addr   string
	restarts      int
	text          string
}

// answerPending and answerApplied are what a desired row says before and after the host is there; else it holds the last failure.
const (
	answerPending = "pending"
	answerApplied = "applied"
)

// judgeReport compares what a host reports for an environment with what was told before. It gives the processes that changed (those that are gone
// as stopped) and the answer to the request, empty when there is nothing new to say.
func judgeReport(host string, rep wire.ReportEnv, deploy, answer string, known []process) (changed []event.ProcessChanged, applied bool, failed *event.DeployFailed) {
	changed = changes(host, rep, known)
	if rep.Deploy != deploy {
		return changed, false, nil // it works on an older wish
	}
	if rep.Converged {
		return changed, answer != answerApplied, nil
	}
	for _, r := range rep.Releases {
		if r.State == wire.ReleaseFailed && r.Code+": "+r.Text != answer {
			return changed, false, &event.DeployFailed{Deploy: deploy, Host: host, Release: r.Release, Code: r.Code, Text: r.Text}
		}
	}
	return changed, false, nil
}

// changes lists processes whose told state differs.
func changes(host string, rep wire.ReportEnv, known []process) []event.ProcessChanged {
	var out []event.ProcessChanged
	seen := map[[2]string]bool{}
	for _, r := range rep.Releases {
		for _, p := range r.Processes {
			seen[[2]string{r.Release, p.Process}] = true
			now := process{release: r.Release, name: p.Process, state: p.State, addr: p.Addr, restarts: p.Restarts, text: p.Text}
			if !slices.Contains(known, now) {
				out = append(out, event.ProcessChanged{
					Host: host, Release: r.Release, Process: p.Process, State: p.State, Addr: p.Addr, Restarts: p.Restarts, Text: p.Text,
				})
			}
		}
	}
	for _, k := range known {
		if !seen[[2]string{k.release, k.name}] {
			out = append(out, event.ProcessChanged{Host: host, Release: k.release, Process: k.name, State: wire.ProcessStopped, Restarts: k.restarts})
		}
	}
	slices.SortStableFunc(out, func(a, b event.ProcessChanged) int { return cmp.Compare(a.Release, b.Release) })
	return out
}
