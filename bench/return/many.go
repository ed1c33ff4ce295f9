package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/slipwayhq/slipway/bench/rig"
	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/event"
)

const (
	// switchTarget is how long the last of many hosts may take, without an edge.
	switchTarget = 3 * time.Second
	// memoryTarget is how much memory the server may have then, in bytes.
	memoryTarget = 300 << 20
)

const everywhere = `  canary: hosts
  steps: [{share: 100%, watch: 10m}]
  settle: 1s
  unknown: promote
`

// crowdOfHosts is the process with the simulated hosts.
type crowdOfHosts struct{ url string }

func (c crowdOfHosts) get(ctx context.Context, path string, into any) error {
	return c.do(ctx, http.MethodGet, path, into)
}

func (c crowdOfHosts) do(ctx context.Context, method, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

func startHosts(ctx context.Context, r *rig.Rig, s *rig.Server, n int) (c crowdOfHosts, err error) {
	exe, err1 := os.Executable()
	join, err2 := s.JoinToken(ctx, "host")
	port, err3 := rig.FreePort()
	if err := errors.Join(err1, err2, err3); err != nil {
		return c, err
	}
	listen := fmt.Sprintf("127.0.0.1:%d", port)
	env := []string{serverVariable + "=" + s.URL, joinVariable + "=" + join, hostsVariable + "=" + strconv.Itoa(n), listenVariable + "=" + listen, dirVariable + "=" + r.Path("sim")}
	if _, err := r.Start("hosts", env, exe); err != nil {
		return c, err
	}
	c.url = "http://" + listen
	return c, rig.Until(ctx, "all hosts have joined", 50*time.Millisecond, func() bool {
		joined := 0
		return c.get(ctx, "/joined", &joined) == nil && joined == n
	})
}

// switched is one way back.
type switched struct {
	name                 string
	held, up, out        time.Duration // from the release until all hosts hold it, run it, and are settled
	written              int64         // by the server on the way out, in bytes
	told, reported       time.Duration
	settled              time.Duration // until the rollout had ended
	memory, memoryAtMost int64
}

func many(ctx context.Context, r *rig.Rig, n int) (err error) {
	server, err := r.Serve(ctx, "many", false)
	if err != nil {
		return err
	}
	feed := server.Follow(ctx)
	defer func() { err = errors.Join(err, feed.Close()) }()
	if _, err := server.Agent(ctx, "many-worker", "work", 0); err != nil {
		return err
	}
	began := time.Now()
	hosts, err := startHosts(ctx, r, server, n)
	if err != nil {
		return err
	}
	joined := time.Since(began)
	site, err := server.Site(ctx, 0, everywhere)
	if err != nil {
		return err
	}
	if _, err := site.Ship(ctx, 0); err != nil {
		return err
	}
	if _, err := feed.Wait(ctx, 0, "the first release is out", rig.Is("rollout.ended")); err != nil {
		return err
	}
	load := rig.Load()
	ways := []struct {
		name string
		take func(release string) error
	}{
		{"it crashes on a host", func(release string) error {
			return hosts.do(ctx, http.MethodPost, "/crash?release="+url.QueryEscape(release), nil)
		}},
		{"a person rolls it back", func(string) error {
			_, err := server.Client.RollBack(ctx, apiclient.Place{App: "site", Env: "production"}, "", "bench")
			return err
		}},
	}
	var all []switched
	for _, way := range ways {
		s := stage{server, feed, site}
		one, err := s.back(ctx, hosts, n, way.take)
		if err != nil {
			return err
		}
		one.name = way.name
		all = append(all, one)
	}
	return reportMany(all, n, joined, load)
}

// goOut follows a release to all hosts.
func (s stage) goOut(ctx context.Context, mark int, created event.Event) (out switched, err error) {
	before, err := s.server.Written()
	if err != nil {
		return out, err
	}
	for _, step := range []struct {
		to   string
		took *time.Duration
	}{{"starting", &out.held}, {"shifting", &out.up}, {"watching", &out.out}} {
		moved, err := s.feed.Wait(ctx, mark, "the rollout is "+step.to, rig.Of(func(m event.RolloutMoved) bool { return m.To == step.to }))
		if err != nil {
			return out, err
		}
		*step.took = moved.Time.Sub(created.Time)
	}
	after, err := s.server.Written()
	out.written = after - before
	return out, err
}

// back ships a release to all hosts and takes it back in some way.
func (s stage) back(ctx context.Context, hosts crowdOfHosts, n int, way func(release string) error) (out switched, err error) {
	mark := s.feed.Mark()
	sha, err := s.site.Ship(ctx, 0)
	if err != nil {
		return out, err
	}
	created, err := s.feed.Wait(ctx, mark, "the release", rig.Of(func(r event.ReleaseCreated) bool { return r.Commit == sha }))
	if err != nil {
		return out, err
	}
	r, err := event.Decode[event.ReleaseCreated](created)
	if err != nil {
		return out, err
	}
	if out, err = s.goOut(ctx, mark, created); err != nil {
		return out, err
	}
	var st standing
	look := func() bool { return hosts.get(ctx, "/standing?release="+url.QueryEscape(r.Release), &st) == nil }
	if !look() || st.Reported != n {
		return out, fmt.Errorf("%d of %d hosts run the release", st.Reported, n)
	}
	began := time.Now()
	if err := way(r.Release); err != nil {
		return out, err
	}
	if err := rig.Until(ctx, "all hosts have switched", 20*time.Millisecond, func() bool { return look() && st.Reported == 0 }); err != nil {
		return out, err
	}
	ended, err := s.feed.Wait(ctx, mark, "the rollout has ended", rig.Is("rollout.ended"))
	if err != nil {
		return out, err
	}
	out.told, out.reported, out.settled = st.LastTold.Sub(began), st.LastReported.Sub(began), ended.Time.Sub(began)
	out.memory, out.memoryAtMost, err = s.server.Memory()
	return out, err
}

func reportMany(all []switched, n int, joined time.Duration, load string) error {
	var out, rows [][]string
	met := true
	for _, one := range all {
		out = append(out, []string{one.name, rig.Millis(one.held), rig.Millis(one.up), rig.Millis(one.out), rig.MiB(one.written)})
		rows = append(rows, []string{one.name, rig.Millis(one.told), rig.Millis(one.reported), rig.Millis(one.settled), rig.MiB(one.memory), rig.MiB(one.memoryAtMost)})
		met = met && one.reported <= switchTarget && one.memoryAtMost <= memoryTarget
	}
	header := []string{"the release that goes because", "held by all hosts, ms", "up on all, ms", "settled (1 s asked for), ms", "written by the server, MiB"}
	if err := rig.Table(os.Stdout, header, out); err != nil {
		return err
	}
	header = []string{"the release goes because", "→ last host told, ms", "→ last host's report taken, ms", "→ rollout ended, ms", "server's memory, MiB", "at most, MiB"}
	if err := rig.Table(os.Stdout, header, rows); err != nil {
		return err
	}
	fmt.Printf("%d simulated hosts, which joined in %s s; no edge\ntarget: the last report within %v and at most %s MiB of memory: %s; load before and after: %s, %s\n",
		n, rig.Seconds(joined), switchTarget, rig.MiB(memoryTarget), rig.Verdict(met), load, rig.Load())
	return nil
}
