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
	start         int64
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
func judgeReport(host string, rep wire.ReportEnv, row desiredRow, known []process) (changed []event.ProcessChanged, applied bool, failed *event.DeployFailed) {
	changed = changes(host, rep, row.starts, known)
	if rep.Deploy != row.deploy {
		return changed, false, nil // it works on an older wish
	}
	if rep.Converged {
		return changed, row.answer != answerApplied, nil
	}
	for _, r := range rep.Releases {
		if r.State == wire.ReleaseFailed && r.Code+": "+r.Text != row.answer {
			return changed, false, &event.DeployFailed{Deploy: row.deploy, Host: host, Release: r.Release, Code: r.Code, Text: r.Text}
		}
	}
	return changed, false, nil
}

// changes lists processes whose told state differs.
func changes(host string, rep wire.ReportEnv, starts map[string]int64, known []process) []event.ProcessChanged {
	var out []event.ProcessChanged
	seen := map[[2]string]bool{}
	for _, r := range rep.Releases {
		for _, p := range serving(r.Processes, starts[r.Release]) {
			seen[[2]string{r.Release, p.Process}] = true
			now := process{release: r.Release, name: p.Process, start: p.Start, state: p.State, addr: p.Addr, restarts: p.Restarts, text: p.Text}
			if !slices.Contains(known, now) {
				out = append(out, event.ProcessChanged{
					Host: host, Release: r.Release, Process: p.Process, Start: p.Start, State: p.State, Addr: p.Addr, Restarts: p.Restarts, Text: p.Text,
				})
			}
		}
	}
	for _, k := range known {
		if !seen[[2]string{k.release, k.name}] {
			out = append(out, event.ProcessChanged{Host: host, Release: k.release, Process: k.name, Start: k.start, State: wire.ProcessStopped, Restarts: k.restarts})
		}
	}
	slices.SortStableFunc(out, func(a, b event.ProcessChanged) int { return cmp.Compare(a.Release, b.Release) })
	return out
}

// serving leaves one process of each name: while one takes the place of another, the one that visitors should be sent to. That is the one that is up; of two, the one that was
// started for the number that is wished for, and without one the later one. So the edges go from one address to the next in one step, and to the next only once it is up.
func serving(list []wire.ReportProcess, wished int64) (out []wire.ReportProcess) {
	worst := []string{wire.ProcessStopped, wire.ProcessStopping, wire.ProcessCrashed, wire.ProcessStarting, wire.ProcessUnhealthy, wire.ProcessUp}
	worth := func(p wire.ReportProcess) int {
		worth := 2 * slices.Index(worst, p.State)
		if wished != 0 && p.Start == wished {
			worth++
		}
		return worth
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b wire.ReportProcess) int {
		return cmp.Or(cmp.Compare(a.Process, b.Process), cmp.Compare(worth(b), worth(a)), cmp.Compare(b.Start, a.Start))
	})
	return slices.CompactFunc(list, func(a, b wire.ReportProcess) bool { return a.Process == b.Process })
}
