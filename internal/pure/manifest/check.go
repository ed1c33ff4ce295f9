package manifest

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// check looks at what no single value shows: how the values fit together.
func (c *cursor) check(m *Manifest) {
	c.checkTests(m.Tests)
	c.checkProcesses(m)
	c.checkEnvironments(m.Environments)
	c.checkSteps(m.Rollout.Steps)
	c.checkControls(m.Rollout)
	c.checkFalseAlarms(&m.Rollout)
	c.checkVitals(m.Rollout)
	c.checkEvents(m)
}

// given reports whether the file itself holds the path.
func (c *cursor) given(path string) bool {
	_, ok := c.at[path]
	return ok
}

func (c *cursor) checkTests(tests []Test) {
	if len(tests) == 0 && !c.given("test") {
		c.warn("", "there is no test: every commit counts as good")
	}
	names := make(map[string]bool)
	for i, t := range tests {
		at := fmt.Sprintf("test[%d]", i)
		if t.Name != "" && names[t.Name] {
			c.problem(at+".name", "%s is the name of another test; write a name of its own", quote(t.Name))
		}
		names[t.Name] = true
		marked := strings.Contains(t.Run, UnitsMark)
		switch {
		case t.List != "" && t.Run != "" && !marked:
			c.problem(at+".run", "list is given, but run has no %s: each lease would run everything; write for example: go test -json %s", UnitsMark, UnitsMark)
		case marked && !c.given(at+".list"):
			c.problem(at+".run", "%s stands for what list prints, but there is no list; write for example: list: go list ./...", UnitsMark)
		}
		c.checkFormat(at, t)
	}
}

func (c *cursor) checkFormat(at string, t Test) {
	if t.Report != "" && t.Format != FormatJUnit && t.Format != "" {
		c.problem(at+".report", "report files are read with format: junit only, and the format is %s", t.Format)
	}
	if _, err := path.Match(t.Report, ""); err != nil {
		c.problem(at+".report", "%s is not a glob: a [ has no ]", quote(t.Report))
	}
	if t.Format == FormatGoTest && strings.Contains(t.Run, "go test") && !strings.Contains(t.Run, "-json") {
		c.problem(at+".run", "format: gotest reads JSON; write go test -json")
	}
}

func (c *cursor) checkProcesses(m *Manifest) {
	if len(m.Processes) > 0 && !c.given("package") {
		c.problem("processes", "there is no package to run them from; write for example: package: {run: make dist, path: dist}")
	}
	if _, web := m.Processes[WebProcess]; !web && len(m.Processes) > 0 {
		c.problem("processes", "there is no process %s: it is the one that gets the visitors", WebProcess)
	}
	if !c.given("processes") && c.given("package") {
		c.warn("package", "there are no processes: releases are stored, but nothing is run")
	}
	for _, name := range slices.Sorted(maps.Keys(m.Processes)) {
		if name != WebProcess {
			c.warn(join("processes", name), "recorded; processes besides %s are run from a later version on", WebProcess)
		}
	}
}

func (c *cursor) checkEnvironments(environments map[string]Environment) {
	if len(environments) == 0 && c.given("environments") {
		c.problem("environments", "the map is empty; remove the key to ship main to production")
	}
	taken := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(environments)) {
		branch := environments[name].Branch
		if other, ok := taken[branch]; ok && branch != "" {
			c.problem(join("environments", name)+".branch", "the branch %s already goes to %s; one branch goes to one environment", quote(branch), other)
			continue
		}
		taken[branch] = name
	}
}

func (c *cursor) checkSteps(steps []Step) {
	const most = 50
	if len(steps) > most {
		c.problem("rollout.steps", "%d steps; at most %d are possible", len(steps), most)
	}
	before := Share(0)
	for i, s := range steps {
		at := fmt.Sprintf("rollout.steps[%d]", i)
		if s.Share == 0 {
			return // reported where it was read; the steps cannot be compared
		}
		if s.Share <= before {
			c.problem(at+".share", "%s is not more than the step before (%s); shares must rise", s.Share, before)
		}
		before = s.Share
		if s.HoldBack > 0 && s.Share < 1 {
			c.problem(at+".hold_back", "hold_back is for the step with share: 100%%; in a step of %s the rest is on the old release anyway", s.Share)
		}
	}
	if last := len(steps) - 1; last >= 0 && steps[last].Share < 1 {
		c.problem(fmt.Sprintf("rollout.steps[%d].share", last), "the last step must have share: 100%%, and has %s", steps[last].Share)
	}
	if last := len(steps) - 1; last >= 0 && steps[last].HoldBack == 0 && c.given("rollout.steps") {
		c.warn(fmt.Sprintf("rollout.steps[%d]", last), "without hold_back nothing is left on the old release to compare the last step with")
	}
}

// checkControls refuses controls that could not be told apart, or would never be cold.
func (c *cursor) checkControls(r Rollout) {
	switch {
	case !r.RestartControls:
	case r.Canary != CanaryHosts:
		c.problem("rollout.restart_controls", "hosts that stay on the old release are there only where the split is by hosts; write canary: hosts, or remove this key")
	case r.Settle.Duration == 0:
		c.problem("rollout.restart_controls", "hosts that start anew are compared while they settle, and settle is 0s; write for example settle: learned, or remove this key")
	}
}

// checkFalseAlarms lets one of the two ways to say the same thing stand.
func (c *cursor) checkFalseAlarms(r *Rollout) {
	if !c.given("rollout.alpha") {
		return
	}
	if c.given("rollout.false_alarms") {
		c.problem("rollout.alpha", "false_alarms is given too; keep one of the two")
	}
	r.FalseAlarms = Rate{}
}

// leastMinutes is how many minutes the judge needs before it says anything of a vital by a Prometheus: from fewer nobody sees how many events come together.
const leastMinutes = 6

// minutesRead is how many whole minutes of a Prometheus count while the steps are watched: not the first, which may still be of the split before, nor one that a step cuts.
func minutesRead(steps []Step) (n int) {
	for _, s := range steps {
		n += max(0, int(s.Watch.Minutes())-2)
	}
	return n
}

func (c *cursor) checkVitals(r Rollout) {
	canary, vitals := r.Canary, r.Vitals
	names := make(map[string]bool)
	for i, v := range vitals {
		at := fmt.Sprintf("rollout.vitals[%d]", i)
		if v.Name != "" && names[v.Name] {
			c.problem(at, "%s is listed twice", quote(v.Name))
		}
		names[v.Name] = true
		if v.Event != "" && slices.Contains([]string{VitalErrors, VitalLatency, VitalCPU, VitalMemory, VitalLoad}, v.Event) {
			c.problem(at+".event", "%s is the name of a built-in vital; send the event under another name", quote(v.Event))
		}
		if v.Event != "" && v.Event == v.Per {
			c.problem(at+".per", "%s is divided by itself; name what visitors do before it, such as per: page, or leave per out", quote(v.Event))
		}
		if v.Prometheus != "" && minutesRead(r.Steps) < leastMinutes {
			c.warn(at, "%s is read by the minute and needs %d of them, besides two at the beginning of each step: these steps are too short for it to say much; write for example steps: [{share: 20%%, watch: 8m}, {share: 100%%, watch: 5m, hold_back: 5%%}]",
				quote(v.Name), leastMinutes)
		}
		if v.OfHosts() && (canary == CanaryVisitors || canary == CanaryRequests) {
			c.warn(at, "%s compares hosts, and the split is by %s: it is judged only where canary is hosts", quote(v.Name), canary)
		}
	}
}
