package host

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/slipwayhq/slipway/internal/wire"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

const drainTime = 3 * time.Second

func rel(release string) releaseKey {
	return releaseKey{envKey{"shop", "production"}, release}
}

func svc(release string) serviceKey { return nth(release, 0) }

func nth(release string, start int64) serviceKey { return serviceKey{rel(release), "web", start} }

func hold(releases ...string) (held []wire.HeldRelease) {
	for _, r := range releases {
		held = append(held, wire.HeldRelease{Release: r, Artifact: "sha-" + r, Processes: map[string]wire.ProcessSpec{"web": {}}})
	}
	return held
}

func wishOf(env wire.DesiredEnv) wire.Desired {
	env.App, env.Env = "shop", "production"
	return wire.Desired{Generation: 1, Environments: []wire.DesiredEnv{env}}
}

func TestPlan(t *testing.T) {
	var (
		here    = releaseView{place: staged}
		up      = serviceView{visible: true}
		onlyOne = wire.DesiredEnv{Hold: hold("r1"), Run: []string{"r1"}, Current: "r1"}
		anew    = wire.DesiredEnv{Hold: hold("r1"), Run: []string{"r1"}, Starts: map[string]int64{"r1": 7}}
	)
	type releases = map[releaseKey]releaseView
	type services = map[serviceKey]serviceView
	for name, c := range map[string]struct {
		wish wire.Desired
		view view
		want string
		next time.Duration
	}{
		"nothing to do":               {wish: wire.Desired{}, want: ""},
		"new":                         {wish: wishOf(onlyOne), want: "stage r1"},
		"being fetched":               {wish: wishOf(onlyOne), view: view{releases: releases{rel("r1"): {place: fetching}}}, want: ""},
		"failed, not yet again":       {wish: wishOf(onlyOne), view: view{releases: releases{rel("r1"): {retry: noon.Add(time.Second)}}}, next: time.Second},
		"failed, again":               {wish: wishOf(onlyOne), view: view{releases: releases{rel("r1"): {retry: noon}}}, want: "stage r1"},
		"being removed is waited for": {wish: wishOf(onlyOne), view: view{releases: releases{rel("r1"): {place: removing}}}, want: ""},
		"staged":                      {wish: wishOf(onlyOne), view: view{releases: releases{rel("r1"): here}}, want: "link r1, begin r1"},
		"all well": {wish: wishOf(onlyOne), view: view{releases: releases{rel("r1"): here}, services: services{svc("r1"): up},
			current: map[envKey]string{rel("").envKey: "r1"}, blobs: map[string]bool{"sha-r1": true}}, want: ""},
		"held, not run":    {wish: wishOf(wire.DesiredEnv{Hold: hold("r1")}), view: view{releases: releases{rel("r1"): here}}, want: ""},
		"run without hold": {wish: wishOf(wire.DesiredEnv{Run: []string{"r1"}}), view: view{releases: releases{rel("r1"): here}}, want: "drop release r1"},
		"next to each other": {wish: wishOf(wire.DesiredEnv{Hold: hold("r1", "r2"), Run: []string{"r1", "r2"}}),
			view: view{releases: releases{rel("r1"): here, rel("r2"): here}, services: services{svc("r1"): up}}, want: "begin r2"},
		"up and unwanted":                {view: view{services: services{svc("r1"): up}}, want: "drain r1"},
		"starting and unwanted":          {view: view{services: services{svc("r1"): {}}}, want: "end r1"},
		"draining, server does not know": {view: view{services: services{svc("r1"): {phase: draining, visible: true}}}, want: ""},
		"draining, server knows":         {view: view{services: services{svc("r1"): {phase: draining, visible: true, told: noon.Add(-time.Second)}}}, next: 2 * time.Second},
		"drained":                        {view: view{services: services{svc("r1"): {phase: draining, visible: true, told: noon.Add(-drainTime)}}}, want: "end r1"},
		"crashed while draining":         {view: view{services: services{svc("r1"): {phase: draining}}}, want: "end r1"},
		"wanted again": {wish: wishOf(wire.DesiredEnv{Hold: hold("r1"), Run: []string{"r1"}}),
			view: view{releases: releases{rel("r1"): here}, services: services{svc("r1"): {phase: draining, visible: true}}}, want: "resume r1"},
		"wanted again too late": {wish: wishOf(wire.DesiredEnv{Hold: hold("r1"), Run: []string{"r1"}}),
			view: view{releases: releases{rel("r1"): here}, services: services{svc("r1"): {phase: ending}}}, want: ""},
		"wanted after its stop": {wish: wishOf(wire.DesiredEnv{Hold: hold("r1"), Run: []string{"r1"}}),
			view: view{releases: releases{rel("r1"): here}, services: services{svc("r1"): {phase: stopped}}}, want: "forget r1"},
		"stopped, held": {wish: wishOf(wire.DesiredEnv{Hold: hold("r1")}),
			view: view{releases: releases{rel("r1"): here}, services: services{svc("r1"): {phase: stopped}}}, want: ""},
		"unheld while it runs":       {view: view{releases: releases{rel("r1"): here}, services: services{svc("r1"): {phase: ending}}}, want: ""},
		"unheld while it is fetched": {view: view{releases: releases{rel("r1"): {place: fetching}}, blobs: map[string]bool{"sha-r1": true}}, want: "abandon r1"},
		"unheld":                     {view: view{releases: releases{rel("r1"): here}, blobs: map[string]bool{"sha-r1": true}}, want: "drop blob sha-r1, drop release r1"},
		"started for a number":       {wish: wishOf(anew), view: view{releases: releases{rel("r1"): here}}, want: "begin r1#7"},
		"started anew beside":        {wish: wishOf(anew), view: view{releases: releases{rel("r1"): here}, services: services{svc("r1"): up}}, want: "begin r1#7"},
		"its heir starts":            {wish: wishOf(anew), view: view{releases: releases{rel("r1"): here}, services: services{svc("r1"): up, nth("r1", 7): {}}}, want: ""},
		"its heir is up":             {wish: wishOf(anew), view: view{releases: releases{rel("r1"): here}, services: services{svc("r1"): up, nth("r1", 7): up}}, want: "drain r1"},
		"its heir crashed": {wish: wishOf(anew),
			view: view{releases: releases{rel("r1"): here}, services: services{svc("r1"): {phase: draining, visible: true, told: noon.Add(-drainTime)}, nth("r1", 7): {}}}, want: "resume r1"},
		"its heir crashed too late": {wish: wishOf(anew),
			view: view{releases: releases{rel("r1"): here}, services: services{svc("r1"): {phase: ending, visible: true}, nth("r1", 7): {}}}, want: ""},
		"was not up, and has an heir": {wish: wishOf(anew), view: view{releases: releases{rel("r1"): here}, services: services{svc("r1"): {}, nth("r1", 7): {}}}, want: "end r1"},
		"made way":                    {wish: wishOf(anew), view: view{releases: releases{rel("r1"): here}, services: services{svc("r1"): {phase: stopped}, nth("r1", 7): up}}, want: "forget r1"},
		"whatever runs":               {wish: wishOf(wire.DesiredEnv{Hold: hold("r1"), Run: []string{"r1"}}), view: view{releases: releases{rel("r1"): here}, services: services{nth("r1", 7): up}}, want: ""},
		"whatever is up": {wish: wishOf(wire.DesiredEnv{Hold: hold("r1"), Run: []string{"r1"}}),
			view: view{releases: releases{rel("r1"): here}, services: services{svc("r1"): up, nth("r1", 7): {}}}, want: "end r1#7"},
		"whatever is left": {wish: wishOf(wire.DesiredEnv{Hold: hold("r1"), Run: []string{"r1"}}),
			view: view{releases: releases{rel("r1"): here}, services: services{svc("r1"): {phase: draining, visible: true}, nth("r1", 7): up}}, want: ""},
		"all starts unwanted":           {view: view{services: services{svc("r1"): up, nth("r1", 7): {}}}, want: "drain r1, end r1#7"},
		"environment left over":         {view: view{current: map[envKey]string{rel("").envKey: "r1"}}, want: "clear "},
		"environment not empty":         {view: view{releases: releases{rel("r1"): {place: removing}}, current: map[envKey]string{rel("").envKey: "r1"}}, want: ""},
		"current waits for its release": {wish: wishOf(wire.DesiredEnv{Hold: hold("r1"), Current: "r1"}), view: view{releases: releases{rel("r1"): {place: fetching}}}, want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			steps, next := plan(c.wish, c.view, drainTime, noon)
			var got []string
			for _, s := range steps {
				text := fmt.Sprintf("%s %s", s.do, s.on.Release+s.blob)
				if s.on.Start != 0 {
					text += fmt.Sprintf("#%d", s.on.Start)
				}
				got = append(got, text)
			}
			wantNext := time.Time{}
			if c.next != 0 {
				wantNext = noon.Add(c.next)
			}
			if strings.Join(got, ", ") != c.want || !next.Equal(wantNext) {
				t.Errorf("plan = %q at %v, want %q at %v", strings.Join(got, ", "), next, c.want, wantNext)
			}
		})
	}
}

// From any state whatever, under any wish, doing what plan says comes to an end with the wish fulfilled, and nobody visible is ended untold.
func TestPlanComesToItsEnd(t *testing.T) {
	names := []string{"r1", "r2", "r3"}
	rapid.Check(t, func(t *rapid.T) {
		v := view{releases: map[releaseKey]releaseView{}, services: map[serviceKey]serviceView{}, current: map[envKey]string{}, blobs: map[string]bool{}}
		var env wire.DesiredEnv
		for _, name := range names {
			if rapid.Bool().Draw(t, "held") {
				env.Hold = append(env.Hold, hold(name)...)
			}
			if rapid.Bool().Draw(t, "run") {
				env.Run = append(env.Run, name)
			}
			if place := place(rapid.IntRange(int(absent), int(removing)).Draw(t, "place")); place != absent {
				v.releases[rel(name)] = releaseView{place: place}
				v.blobs["sha-"+name] = true
				v.current[rel(name).envKey] = name
			}
			for _, start := range []int64{0, 7, 8} {
				if rapid.Bool().Draw(t, "service") && v.releases[rel(name)].place == staged {
					v.services[nth(name, start)] = serviceView{phase: phase(rapid.IntRange(int(running), int(stopped)).Draw(t, "phase")), visible: rapid.Bool().Draw(t, "visible")}
				}
			}
			if start := rapid.SampledFrom([]int64{0, 7, 8}).Draw(t, "start"); start != 0 {
				if env.Starts == nil {
					env.Starts = map[string]int64{}
				}
				env.Starts[name] = start
			}
		}
		wish := wire.Desired{}
		if rapid.Bool().Draw(t, "environment") {
			wish = wishOf(env)
		}
		now := noon
		for round := 0; ; round++ {
			if round == 30 {
				t.Fatalf("no end: %+v", v)
			}
			steps, next := plan(wish, v, drainTime, now)
			if moved := perform(t, v, steps, now) || finish(v, now); !moved {
				if next.IsZero() {
					break
				}
				now = next
			}
		}
		fulfilled(t, wish, v)
	})
}

// A release that should run is served all along, whatever start is wished for next, and however often: no step takes away its last process that is up.
func TestOneServesWhileAnotherTakesItsPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := view{releases: map[releaseKey]releaseView{rel("r1"): {place: staged}}, services: map[serviceKey]serviceView{svc("r1"): {visible: true}},
			current: map[envKey]string{rel("").envKey: "r1"}, blobs: map[string]bool{"sha-r1": true}}
		now := noon
		for range rapid.IntRange(1, 6).Draw(t, "wishes") {
			wish := wishOf(wire.DesiredEnv{Hold: hold("r1"), Run: []string{"r1"}, Starts: map[string]int64{"r1": rapid.Int64Range(0, 3).Draw(t, "start")}})
			for range rapid.IntRange(0, 8).Draw(t, "rounds") {
				before := serving(v)
				steps, _ := plan(wish, v, drainTime, now)
				perform(t, v, steps, now)
				if before["r1"] && !serving(v)["r1"] {
					t.Fatalf("the last process that served was taken away by %v", steps)
				}
				if rapid.Bool().Draw(t, "things go on") {
					finish(v, now)
				}
				now = now.Add(time.Second)
			}
		}
	})
}

// perform does the steps to a view.
func perform(t *rapid.T, v view, steps []action, now time.Time) bool {
	for _, s := range steps {
		key := s.on.releaseKey
		service := v.services[s.on]
		switch s.do {
		case doStage:
			v.releases[key], v.blobs["sha-"+key.Release] = releaseView{place: fetching}, true
		case doAbandon, doClear, doErase, doForget:
			delete(v.blobs, s.blob)
			delete(v.services, s.on)
			if s.do == doAbandon {
				delete(v.releases, key)
			}
			if s.do == doClear {
				delete(v.current, key.envKey)
			}
		case doBegin:
			v.services[s.on] = serviceView{}
		case doDrain:
			v.services[s.on] = serviceView{phase: draining, visible: true}
		case doResume:
			v.services[s.on] = serviceView{visible: service.visible}
		case doEnd:
			if service.visible && (service.told.IsZero() || now.Sub(service.told) < drainTime) {
				t.Fatalf("%v is ended before the server knew for long enough", s.on)
			}
			v.services[s.on] = serviceView{phase: ending}
		case doLink:
			v.current[key.envKey] = key.Release
		case doDrop:
			v.releases[key] = releaseView{place: removing}
		}
	}
	return len(steps) > 0
}

// serving gives the releases of which a process is up and was not told to stop.
func serving(v view) map[string]bool {
	out := map[string]bool{}
	for key, s := range v.services {
		if s.visible && s.phase == running {
			out[key.Release] = true
		}
	}
	return out
}

// finish lets everything under way come about.
func finish(v view, now time.Time) (moved bool) {
	for key, r := range v.releases {
		switch r.place {
		case fetching:
			v.releases[key], moved = releaseView{place: staged}, true
		case removing:
			delete(v.releases, key)
			moved = true
		}
	}
	for key, s := range v.services {
		switch {
		case s.phase == running && !s.visible:
			v.services[key], moved = serviceView{visible: true}, true // it gets up
		case s.phase == ending:
			v.services[key], moved = serviceView{phase: stopped}, true
		case s.phase == draining && s.told.IsZero():
			s.told, moved = now, true
			v.services[key] = s
		}
	}
	return moved
}

// fulfilled fails where a view at rest is not what was wished for.
func fulfilled(t *rapid.T, wish wire.Desired, v view) {
	held, run, starts := map[string]bool{}, map[string]bool{}, map[string]int64{}
	for _, e := range wish.Environments {
		starts = e.Starts
		for _, h := range e.Hold {
			held[h.Release] = true
		}
		for _, r := range e.Run {
			run[r] = held[r]
		}
	}
	for key, r := range v.releases {
		if !held[key.Release] || r.place != staged {
			t.Fatalf("%v is left: %+v", key, r)
		}
	}
	for name := range held {
		if v.releases[rel(name)].place != staged || !v.blobs["sha-"+name] {
			t.Fatalf("%s is missing", name)
		}
		var runs []int64
		for key, s := range v.services {
			if key.Release == name && s.phase != stopped {
				runs = append(runs, key.Start)
			}
		}
		if run[name] != (len(runs) == 1) || len(runs) > 1 || run[name] && starts[name] != 0 && runs[0] != starts[name] {
			t.Fatalf("%s should run: %v, for start %d; there are %v", name, run[name], starts[name], runs)
		}
	}
	if len(v.blobs) != len(held) {
		t.Fatalf("artifacts %v, held %v", v.blobs, held)
	}
	if len(wish.Environments) == 0 && len(v.current) > 0 {
		t.Fatalf("left: %v", v.current)
	}
}
