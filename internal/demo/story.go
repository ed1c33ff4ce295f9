package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipwayhq/slipway/examples"
	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/visitors"
	"github.com/slipwayhq/slipway/internal/wire"
)

const (
	// startTime is how long the fleet may take to be there, on a busy machine.
	startTime = 90 * time.Second
	// warmTime is how long visitors come before anything is compared: what is slow is measured by what it was before.
	warmTime = 2 * time.Second
	// visitorsAtATime: many, so that each makes few requests while a release is watched, as with people.
	visitorsAtATime = 4000
	// openAtATime bounds the requests that wait for an answer, so that a machine that is too busy is asked less instead of drowned; patience is how long each may
	// wait until it counts as lost.
	openAtATime = 400
	// toldOf is of how many requests a second the shop tells what visitors did: enough for charts that move, and little beside what is compared.
	toldOf   = 30.0
	patience = 30 * time.Second
)

// story is the whole demo, from an empty server to the last word.
func (d *demo) story(ctx context.Context) (Summary, error) {
	var s Summary
	d.greet()
	if err := d.startFleet(ctx); err != nil {
		return s, err
	}
	if err := d.prepare(ctx); err != nil {
		return s, err
	}
	first := func(dir string) (string, error) { return "A small shop\n", nil }
	if _, err := d.stage.ship(ctx, "first", ana(), first); err != nil {
		return s, err
	}
	crowd, err := visitors.New(visitors.Options{Target: "http://" + d.opts.EdgeListen, RPS: d.opts.RPS, Visitors: visitorsAtATime, MaxOpen: openAtATime, Timeout: patience, Seed: 1})
	if err != nil {
		return s, err
	}
	d.crowd = crowd
	g, ctx := errgroup.WithContext(ctx)
	visiting, leave := context.WithCancel(ctx)
	g.Go(func() error { return crowd.Run(visiting) })
	g.Go(func() error {
		defer leave()
		err := d.compare(ctx, &s)
		if err == nil && !d.opts.Once {
			err = d.stay(ctx)
		}
		return err
	})
	err = g.Wait()
	total := crowd.Stats().Total()
	s.Requests, s.Lost = total.Requests, total.Lost+total.Cut
	s.judge()
	if err == nil {
		for _, loss := range crowd.Stats().Losses {
			d.say("lost", "lost: %s", loss)
		}
	}
	return s, err
}

// greet says where to look.
func (d *demo) greet() {
	link := d.app.LoginURL()
	d.tell(Scene{Aside: true, Text: "Slipway demo: a server, 10 hosts, 4 workers, a shop and its visitors, all on this machine. Ctrl-C ends it and leaves nothing behind.\n"})
	d.tell(Scene{Type: "server", URL: link, Text: "Watch it here, signed in:  " + link})
	d.tell(Scene{Type: "edge", URL: "http://" + d.opts.EdgeListen, Text: "Visit the shop, once it is up:  http://" + d.opts.EdgeListen})
}

// startFleet starts hosts and workers, and waits until they and the edge are there.
func (d *demo) startFleet(ctx context.Context) error {
	ready := func() bool {
		_, err := d.client.Session(ctx)
		return err == nil
	}
	if err := d.until(ctx, "the server", startTime, ready); err != nil {
		return err
	}
	token, err := d.client.CreateJoinToken(ctx, apiclient.JoinToken{Label: "demo", Roles: []string{wire.RoleHost, wire.RoleWork}})
	if err != nil {
		return err
	}
	cache := d.goCache()
	first := 21000 + 1000*rand.IntN(8) // the shop draws its weather by its ports: another one each time
	for i := range d.opts.Hosts {
		ports := fmt.Sprintf("%d-%d", first+100*i, first+100*i+99)
		if err := d.startAgent(fmt.Sprintf("host-%02d", i+1), token.Value.Token, wire.RoleHost, "--ports", ports); err != nil {
			return err
		}
	}
	for i := range d.opts.Workers {
		more := []string{"--environ", "GOCACHE=" + cache, "--environ", "CGO_ENABLED=0", "--environ", "GOFLAGS=-trimpath"}
		if err := d.startAgent(fmt.Sprintf("worker-%d", i+1), token.Value.Token, wire.RoleWork, more...); err != nil {
			return err
		}
	}
	there := func() bool {
		agents, err := d.client.Agents(ctx, "")
		up := 0
		for _, a := range agents {
			if a.Value.State == "up" {
				up++
			}
		}
		return err == nil && up >= d.opts.Hosts+d.opts.Workers+1
	}
	if err := d.until(ctx, "the fleet", startTime, there); err != nil {
		return err
	}
	d.say("fleet", "%d hosts and %d workers have joined, each a process of its own", d.opts.Hosts, d.opts.Workers)
	return nil
}

// startAgent starts one agent. The token goes by the environment: arguments are visible to everybody.
func (d *demo) startAgent(name, token, role string, more ...string) error {
	args := append([]string{"agent", "--server", d.app.URL(), "--roles", role, "--name", name, "--data", filepath.Join(d.opts.Dir, "agents", name), "--drain", "1s", "--statsd", "127.0.0.1:0", "--tied"}, more...)
	return d.children.start(name, []string{"SLIPWAY_JOIN=" + token}, args...)
}

// goCache is what the workers compile into: the user's own cache, which holds the standard library already.
func (d *demo) goCache() string {
	if dir := os.Getenv("GOCACHE"); filepath.IsAbs(dir) {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return filepath.Join(d.opts.Dir, "go-build") // then it begins cold
	}
	return filepath.Join(dir, "go-build")
}

// prepare makes the app with its settings, and the repository.
func (d *demo) prepare(ctx context.Context) error {
	made, err := d.client.CreateApp(ctx, appName)
	if err != nil {
		return err
	}
	if err := d.configure(ctx); err != nil {
		return err
	}
	tree, err := newWorktree(ctx, filepath.Join(d.opts.Dir, "shop"), made.GitURL, d.token, func(dir string) error {
		if err := examples.WriteShop(dir); err != nil {
			return err
		}
		return d.pace.set(dir)
	})
	if err != nil {
		return err
	}
	d.stage = &stage{client: d.client, tree: tree, feed: d.feed, tell: d.tell, look: d.pace.look}
	return d.until(ctx, "the stream of events", startTime, func() bool {
		select {
		case <-d.feed.open:
			return true
		default:
			return false
		}
	})
}

// configure sets the shop to behave as real ones do, and to tell what visitors do with a write key of its own.
func (d *demo) configure(ctx context.Context) error {
	source, err := d.client.AddSource(ctx, appName, "shop", "production")
	if err != nil {
		return err
	}
	settings := apiclient.ConfigChange{
		Settings: map[string]string{
			"SHOP_ERROR_RATE": decimal(d.pace.errors), "SHOP_LATENCY_MS": "20",
			"SHOP_EVENTS_URL": d.client.URL(), "SHOP_EVENTS_KEY": source.Value.Key, "SHOP_EVENTS_SHARE": decimal(min(1, toldOf/d.opts.RPS)),
		},
		Secrets: map[string]string{"SHOP_SECRET": newToken()},
		Reason:  "Every real shop has slow and failing moments",
	}
	if _, err := d.client.ChangeConfig(ctx, apiclient.Place{App: appName, Env: "production"}, settings); err != nil {
		return err
	}
	d.say("config", "The shop is set to behave as real ones do: pages take some 20 ms, and %g in a hundred fail, whatever the release", 100*d.pace.errors)
	d.say("source", "It tells what some visitors do: page views, carts, orders:  %s/apps/%s/events", d.client.URL(), appName)
	return nil
}

func decimal(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// compare ships the good commit and the bad one to visitors who are there already.
func (d *demo) compare(ctx context.Context, s *Summary) error {
	d.say("visitors", "Visitors come: %.0f requests a second", d.opts.RPS)
	if err := rest(ctx, warmTime); err != nil {
		return err
	}
	good, err := d.stage.ship(ctx, "good", ana(), examples.GoodChange)
	if err != nil {
		return err
	}
	s.Good = Good{Verdict: good.ended.Verdict, Outcome: good.ended.Outcome, Requests: good.ended.Requests}
	d.tell(Scene{Aside: true, Type: "aside", Text: "Now a commit that passes all its tests, and yet is bad: a few pages fail, some get slow"})
	bad, err := d.stage.ship(ctx, "bad", ben(), examples.BadChange)
	if err != nil {
		return err
	}
	s.Bad = Bad{
		Verdict: bad.ended.Verdict, Outcome: bad.ended.Outcome, Vital: bad.ended.Vital, Seconds: bad.detection(),
		Requests: d.crowd.Stats().Releases[bad.release].Failed(),
	}
	return nil
}

func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// stay takes the fault out of the branch, keeps everything up, and tells of what is pushed, until ctx ends.
func (d *demo) stay(ctx context.Context) error {
	fix, err := d.takeBack(ctx)
	if err != nil {
		return err
	}
	d.tell(Scene{Aside: true, Text: fmt.Sprintf(`
Now it is your turn. The shop's repository is here:

    cd %s
    (change something) && git commit -am "My change" && git push slipway main

Or plant a fault on purpose, and see it undone:

    %s drill

All verbs of the command line work here with

    export SLIPWAY_URL=%s SLIPWAY_TOKEN=%s

Ctrl-C ends the demo.
`, d.stage.tree.dir, d.opts.Exe, d.client.URL(), d.token)})
	ctx, cancel := context.WithCancel(ctx)
	var pushing sync.WaitGroup
	defer pushing.Wait()
	defer cancel()
	pushed := make(chan error, 1)
	pushing.Go(func() {
		_, err := d.stage.tree.push(ctx)
		pushed <- err
	})
	return d.watch(ctx, map[string]*shipment{fix.commit: fix}, pushed)
}

// takeBack commits what takes the bad commit out. What came back is in the branch still, so whoever pushed next would ship it once more.
func (d *demo) takeBack(ctx context.Context) (*shipment, error) {
	d.tell(Scene{Aside: true, Type: "aside", Text: "The bad commit is in the branch still, and would go out with the next push: so Ben takes it back, and pushes that"})
	return d.stage.commit(ctx, "fix", ben(), examples.FixChange)
}

// watch tells of the commits under way, and of those that others push.
func (d *demo) watch(ctx context.Context, underWay map[string]*shipment, pushed <-chan error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-pushed:
			if err != nil && ctx.Err() == nil {
				d.say("push", "Ben's fix could not be pushed; do it yourself before your own change: cd %s && git push slipway main (%s)", d.stage.tree.dir, err)
			}
			pushed = nil
		case ev := <-d.feed.events:
			p, err := event.Decode[event.GitPushed](ev)
			if _, known := underWay[p.After]; err == nil && !known && p.After != "" && len(p.Commits) > 0 {
				subject, _, _ := strings.Cut(p.Commits[len(p.Commits)-1].Subject, "\n")
				underWay[p.After] = newShipment("push", p.After, subject, d.client.URL())
			}
			if err := d.hear(ev, underWay); err != nil {
				return err
			}
		}
	}
}

// hear tells what an event means for the commits under way.
func (d *demo) hear(ev event.Event, underWay map[string]*shipment) error {
	for commit, sh := range underWay {
		scenes, err := sh.see(ev)
		if err != nil {
			return err
		}
		for _, scene := range scenes {
			d.tell(scene)
		}
		if sh.over() {
			delete(underWay, commit)
		}
	}
	return nil
}
