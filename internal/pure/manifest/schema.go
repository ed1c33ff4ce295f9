package manifest

import "time"

// schema is the whole shape of a manifest: each key once, with its type, what
// it is when left out, and where its value goes.
func schema() kind[Manifest] {
	return object(Manifest{
		Environments: map[string]Environment{"production": {Branch: "main"}},
		Rollout:      DefaultRollout(),
	},
		key("app", slug("an app's name"), func(m *Manifest) *string { return &m.App }).must("app: shop"),
		key("test", listOf(testKind()), func(m *Manifest) *[]Test { return &m.Tests }),
		key("package", packageKind(), func(m *Manifest) *Package { return &m.Package }),
		key("processes", mapOf(slugCheck("a process name"), processKind()),
			func(m *Manifest) *map[string]Process { return &m.Processes }),
		key("environments", mapOf(slugCheck("an environment's name"), environmentKind()),
			func(m *Manifest) *map[string]Environment { return &m.Environments }),
		key("rollout", rolloutKind(), func(m *Manifest) *Rollout { return &m.Rollout }),
		key("assets", oneOrMore(assetPrefix()), func(m *Manifest) *[]string { return &m.Assets }),
		key("events", maybe(eventsKind()), func(m *Manifest) **Events { return &m.Events }),
	)
}

func testKind() kind[Test] {
	return object(Test{Format: FormatExit, Timeout: Every(10 * time.Minute)},
		key("name", slug("a test's name"), func(t *Test) *string { return &t.Name }).must("name: unit"),
		key("list", command(), func(t *Test) *string { return &t.List }),
		key("run", command(), func(t *Test) *string { return &t.Run }).must("run: make test"),
		key("format", testFormat(), func(t *Test) *Format { return &t.Format }),
		key("report", relativePath("a glob of report files", "build/reports/*.xml"), func(t *Test) *string { return &t.Report }),
		key("timeout", duration(time.Second, 24*time.Hour), func(t *Test) *Duration { return &t.Timeout }),
		key("env", mapOf(variableName, plainText()), func(t *Test) *map[string]string { return &t.Env }),
	)
}

func packageKind() kind[Package] {
	return object(Package{Timeout: Every(10 * time.Minute)},
		key("run", command(), func(p *Package) *string { return &p.Run }),
		key("path", relativePath("a path", "dist/shop"), func(p *Package) *string { return &p.Path }).must("path: dist"),
		key("timeout", duration(time.Second, 24*time.Hour), func(p *Package) *Duration { return &p.Timeout }),
	)
}

func processKind() kind[Process] {
	return object(Process{StartTimeout: Every(30 * time.Second), StopTimeout: Every(10 * time.Second)},
		key("run", command(), func(p *Process) *string { return &p.Run }).must("run: ./shop -addr 127.0.0.1:$PORT"),
		key("health", urlPath(), func(p *Process) *string { return &p.Health }),
		key("start_timeout", duration(time.Second, time.Hour), func(p *Process) *Duration { return &p.StartTimeout }),
		key("stop_timeout", duration(time.Second, time.Hour), func(p *Process) *Duration { return &p.StopTimeout }),
		refuse[Process]("port", "a process listens on the port it is given in $PORT, so that the old and the new release "+
			"can run side by side; remove this key and use $PORT in run"),
	)
}

func environmentKind() kind[Environment] {
	return object(Environment{},
		key("branch", branchName(), func(e *Environment) *string { return &e.Branch }).must("branch: main"),
		key("allow_force_push", boolean(), func(e *Environment) *bool { return &e.AllowForcePush }),
		key("hosts", mapOf(labelName, label()), func(e *Environment) *map[string]string { return &e.Hosts }),
	)
}

// DefaultRollout is the policy of a manifest without the key rollout.
func DefaultRollout() Rollout {
	return Rollout{
		Canary: CanaryAuto,
		Steps: []Step{
			{Share: 0.10, Watch: Every(time.Minute)},
			{Share: 1, Watch: Every(5 * time.Minute), HoldBack: 0.05},
		},
		Settle:      Every(10 * time.Second),
		FalseAlarms: Rate{Count: 1, Per: "month"},
		RuleOut:     2,
		Unknown:     UnknownPromote,
		Vitals:      []Vital{{Name: VitalErrors, Weight: 1}, {Name: VitalLatency, Weight: 1}},
	}
}

func rolloutKind() kind[Rollout] {
	return object(DefaultRollout(),
		key("canary", choice(CanaryAuto, CanaryVisitors, CanaryHosts, CanaryRequests), func(r *Rollout) *Canary { return &r.Canary }),
		key("steps", listOf(stepKind()), func(r *Rollout) *[]Step { return &r.Steps }),
		key("settle", settle(), func(r *Rollout) *Duration { return &r.Settle }),
		key("restart_controls", boolean(), func(r *Rollout) *bool { return &r.RestartControls }),
		key("false_alarms", falseAlarms(), func(r *Rollout) *Rate { return &r.FalseAlarms }),
		key("alpha", number("a probability", 1e-6, 0.5, "0.001"), func(r *Rollout) *float64 { return &r.Alpha }),
		key("rule_out", ratio(), func(r *Rollout) *Ratio { return &r.RuleOut }),
		key("unknown", choice(UnknownPromote, UnknownWait, UnknownHold), func(r *Rollout) *Unknown { return &r.Unknown }),
		key("vitals", listOf(vitalKind()), func(r *Rollout) *[]Vital { return &r.Vitals }),
	)
}

func stepKind() kind[Step] {
	return object(Step{},
		key("share", share(0, 1, "10%"), func(s *Step) *Share { return &s.Share }).must("share: 10%"),
		key("watch", duration(time.Second, 30*24*time.Hour), func(s *Step) *Duration { return &s.Watch }).must("watch: 5m"),
		key("hold_back", share(0, 0.5, "5%"), func(s *Step) *Share { return &s.HoldBack }),
	)
}

// eventVital is a vital on a user event, counterVital one on a statsd counter, prometheusVital one on counters that Prometheus has.
func eventVital() kind[Vital] {
	return object(Vital{Weight: 1},
		key("event", eventName(), func(v *Vital) *string { return &v.Event }).must("event: order_completed"),
		key("per", eventName(), func(v *Vital) *string { return &v.Per }),
		key("bad", choice(Drop, Rise), func(v *Vital) *Direction { return &v.Bad }).must("bad: drop"),
		key("weight", number("a weight", 0.001, 1000, "0.5"), func(v *Vital) *float64 { return &v.Weight }),
	)
}

func prometheusVital() kind[Vital] {
	return object(Vital{Weight: 1},
		key("name", eventName(), func(v *Vital) *string { return &v.Name }).must("name: orders_failed"),
		key("prometheus", query(), func(v *Vital) *string { return &v.Prometheus }).must("prometheus: sum by (release) (orders_failed_total)"),
		key("per", query(), func(v *Vital) *string { return &v.Per }).must("per: sum by (release) (orders_total)"),
		key("bad", choice(Drop, Rise), func(v *Vital) *Direction { return &v.Bad }).must("bad: rise"),
		key("weight", number("a weight", 0.001, 1000, "0.5"), func(v *Vital) *float64 { return &v.Weight }),
	)
}

func counterVital() kind[Vital] {
	return object(Vital{Weight: 1},
		key("counter", eventName(), func(v *Vital) *string { return &v.Counter }).must("counter: checkout.failed"),
		key("per", eventName(), func(v *Vital) *string { return &v.Per }).must("per: checkout.started"),
		key("bad", choice(Drop, Rise), func(v *Vital) *Direction { return &v.Bad }).must("bad: rise"),
		key("weight", number("a weight", 0.001, 1000, "0.5"), func(v *Vital) *float64 { return &v.Weight }),
	)
}
