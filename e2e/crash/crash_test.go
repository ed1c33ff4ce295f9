package crash

import (
	"fmt"
	"maps"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/edge"
	"github.com/slipwayhq/slipway/internal/event"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == "app" {
		test, err := strconv.Atoi(os.Args[3])
		if err != nil {
			os.Exit(2)
		}
		os.Exit(serveApp(os.Args[2], test))
	}
	os.Exit(m.Run())
}

// kill is one death: whose, and when.
type kill struct {
	victim string
	at     string // a state of the rollout, "build", or empty for a random moment
	delay  time.Duration
}

func (k kill) String() string {
	if k.at == "" {
		return fmt.Sprintf("%s after %s", k.victim, k.delay)
	}
	return fmt.Sprintf("%s at %s + %s", k.victim, k.at, k.delay)
}

// states are the transitions at which the server is killed.
var states = []string{"staging", "starting", "shifting", "settling", "watching", "promoting", "returning", "promoted", "rolled_back"}

// draw chooses the next death. The server dies most: at each transition in turn, and at random moments; the first deaths are of each kind once.
func (w *world) draw(n int) kill {
	k := kill{victim: "server", delay: time.Duration(w.rng.IntN(60)) * time.Millisecond}
	kinds := []string{"server", "host", "server", "edge", "server", "worker"}
	if n < len(kinds) {
		k.victim = kinds[n]
	} else if w.rng.IntN(4) == 0 {
		k.victim = []string{"host", "host", "edge", "worker"}[w.rng.IntN(4)]
	}
	switch {
	case k.victim == "worker":
		k.at, k.delay = "build", time.Duration(w.rng.IntN(300))*time.Millisecond
	case k.victim == "host":
		k.at = []string{"staging", "starting", "promoting", "promoted"}[w.rng.IntN(4)]
	case k.victim == "edge" || w.rng.IntN(3) == 0:
		k.delay = time.Duration(w.rng.IntN(6000)) * time.Millisecond
	default:
		k.at = states[w.rng.IntN(len(states))]
	}
	return k
}

func TestCrash(t *testing.T) {
	kills := number(t, "SLIPWAY_KILLS", 6)
	seed := uint64(number(t, "SLIPWAY_SEED", int(time.Now().UnixNano()%1e9)))
	t.Logf("%d kills with SLIPWAY_SEED=%d", kills, seed)
	w := newWorld(t, seed)
	t.Logf("the world stands after %s", time.Since(w.began).Round(time.Millisecond))
	r := w.newRepo()
	quiet := map[span]string{}

	live := w.ship(r, false, nil)
	stop := w.crowd.walk(t)
	for w.kills < kills && !t.Failed() {
		var deaths []kill
		for range min(1+w.rng.IntN(2), kills-w.kills) {
			deaths = append(deaths, w.draw(w.kills+len(deaths)))
		}
		from := time.Now()
		was := live
		quiet[span{from: w.rested, to: from}] = was
		live = w.ship(r, w.rng.IntN(3) == 0, deaths)
	}
	quiet[span{from: w.rested, to: time.Now()}] = live
	stop()
	w.checkBooks(maps.Clone(r.pushed))
	w.crowd.check(t, w.line(), quiet)
}

func number(t *testing.T, name string, other int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return other
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// ship pushes a version (now and then two), lets the deaths happen, and waits until the world is at rest again. It gives the live release.
func (w *world) ship(r *repo, bad bool, deaths []kill) (live string) {
	w.t.Helper()
	began := w.feed.length()
	c := r.commit(bad)
	done := r.push()
	w.t.Logf("%s: %s (%d %% bad), deaths: %v", time.Since(w.began).Round(time.Second), c.Version, c.Fail, deaths)
	for _, k := range deaths {
		w.die(began, k)
	}
	<-done
	if w.rng.IntN(5) == 0 && w.crowd.walking { // while the first is on its way; a bad one that nobody visits could not be found out
		c = r.commit(w.rng.IntN(3) == 0)
		w.t.Logf("%s (%d %% bad) behind it", c.Version, c.Fail)
		<-r.push()
	}
	w.until("the rollout of "+c.Version+" ends", func() bool {
		v, quiet := w.newest()
		return quiet && v.Release.Commit == c.sha
	})
	live = w.live()
	w.rested = time.Now()
	w.checkHosts(live)
	return live
}

// live is the release that the server says everybody has.
func (w *world) live() (id string) {
	w.until("the environment is at rest", func() bool {
		var env struct {
			Live    *struct{ Release string }
			Rollout any
		}
		_, ok := w.try("GET", appPath+"/environments/production", nil, &env)
		if ok && env.Live != nil && env.Rollout == nil {
			id = env.Live.Release
		}
		return id != ""
	})
	return id
}

// die waits for the moment, kills, and starts again.
func (w *world) die(began int, k kill) {
	w.t.Helper()
	w.kills++
	match := movesTo(k.at)
	if k.at == "build" {
		match = isType("build.started")
	}
	over := isType("rollout.ended") // too late for the moment that was drawn; this one will do
	if k.at != "" && !w.feed.await(began, 20*time.Second, func(ev event.Event) bool { return match(ev) || over(ev) }) {
		w.t.Logf("%s did not come in time", k)
	}
	time.Sleep(k.delay) // a part of the draw, not a wait for something
	switch k.victim {
	case "edge":
		w.killEdge()
		return
	case "server":
		w.again(w.server)
		w.ready()
	case "worker":
		w.again(w.worker)
	case "host":
		w.again(w.hosts[w.rng.IntN(len(w.hosts))])
	}
}

// again kills a process and starts it after a while.
func (w *world) again(p *process) {
	w.t.Helper()
	p.end(w.t, syscall.SIGKILL)
	away := time.Duration(w.rng.IntN(1500)) * time.Millisecond
	if w.rng.IntN(5) == 0 {
		away += 4 * time.Second // longer than a watch
	}
	time.Sleep(away) // a part of the draw
	p.start(w.t)
}

// killEdge kills the edge, which the server starts again. Only then may visitors be lost.
func (w *world) killEdge() {
	w.t.Helper()
	pid := w.edgePID()
	back := w.crowd.edgeDies()
	killed := time.Now()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		w.t.Errorf("kill the edge: %v", err)
	}
	w.until("the edge is back", func() bool {
		s, ok := w.crowd.last()
		return ok && s.begun.After(killed.Add(50*time.Millisecond))
	})
	back()
}

// edgePID asks for the edge's process.
func (w *world) edgePID() int {
	w.t.Helper()
	var pid int
	w.until("the edge says its process", func() bool {
		status, err := edge.Alive(w.path("data", "edge"))
		pid = status.PID
		return err == nil && pid > 0
	})
	return pid
}
